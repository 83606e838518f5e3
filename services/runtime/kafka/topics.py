"""Creates the topics of the contracts, and refuses to run on topics that do not match them."""

from __future__ import annotations

from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from contracts.wire.topics import TOPICS
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.refusal import CannotStart
from services.runtime.settings import Settings


class TopicsWrong(CannotStart):
    """A topic is missing or not as the contracts have it; the text says the remedy."""


async def create_topics(settings: Settings) -> list[str]:
    """Create the missing topics; return their names. Raise TopicsWrong if one cannot be created."""
    admin = AIOKAFKA.admin(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        missing = [topic for topic in TOPICS if topic.name not in there]
        if not missing:
            return []
        response = await admin.create_topics(
            [
                NewTopic(
                    name=topic.name,
                    num_partitions=settings.partitions if topic.partitioned else 1,
                    replication_factor=settings.replication,
                    topic_configs=topic.config,
                )
                for topic in missing
            ]
        )
        for name, code, *_ in response.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise TopicsWrong(f"topic {name} cannot be created: {error.__name__}")
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def check_topics(settings: Settings) -> None:
    """Raise TopicsWrong unless every topic exists, with its number of partitions, has its records
    stamped by the broker, and keeps them as long as the contracts say."""
    admin = AIOKAFKA.admin(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        found = {
            topic["topic"]: len(topic["partitions"])
            for topic in await admin.describe_topics([topic.name for topic in TOPICS])
            if topic["error_code"] == 0
        }
        set_up = await _set_up(admin, sorted(found))
    finally:
        await admin.close()
    for topic in TOPICS:
        if topic.name not in found:
            raise TopicsWrong(f"topic {topic.name} is missing; run: motcua topics create")
        wanted = settings.partitions if topic.partitioned else 1
        if found[topic.name] != wanted:
            raise TopicsWrong(
                f"topic {topic.name} has {found[topic.name]} partitions and MOTCUA_PARTITIONS "
                f"says {wanted}; keys would move: set it to {found[topic.name]}"
            )
        wrong = {
            name: wanted_value
            for name, wanted_value in topic.config.items()
            if name in _CHECKED and set_up[topic.name].get(name) != wanted_value
        }
        if wrong:
            stands = ", ".join(f"{name}={set_up[topic.name].get(name)}" for name in wrong)
            told = ",".join(f"{name}={value}" for name, value in wrong.items())
            raise TopicsWrong(
                f"topic {topic.name} has {stands}: {_because(wrong)}; run: kafka-configs.sh "
                f"--bootstrap-server {settings.kafka} --alter --entity-type topics --entity-name "
                f"{topic.name} --add-config {told}"
            )


_STAMP = "message.timestamp.type"
_CHECKED = (_STAMP, "cleanup.policy", "retention.ms", "retention.bytes")


def _because(wrong: Collection[str]) -> str:
    if _STAMP in wrong:
        return "no broker would say when a record was entered"
    return "records would be lost"


async def _set_up(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    """Return the settings of each topic that are checked."""
    wanted = dict.fromkeys(_CHECKED)
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, wanted) for name in names]
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(asked) if asked else ():
        for code, message, _, name, entries in response.resources:
            if code:
                raise TopicsWrong(f"the settings of topic {name} cannot be read: {message}")
            found[name] = {key: value for key, value, *_ in entries}
    return found
