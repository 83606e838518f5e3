"""Creates the topics of the contracts, and refuses to run on topics that do not match them."""

from __future__ import annotations

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
    """Raise TopicsWrong unless every topic exists, with its number of partitions, and has its
    records stamped by the broker."""
    admin = AIOKAFKA.admin(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        found = {
            topic["topic"]: len(topic["partitions"])
            for topic in await admin.describe_topics([topic.name for topic in TOPICS])
            if topic["error_code"] == 0
        }
        stamped = await _stamped(admin, sorted(found))
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
        if stamped[topic.name] != topic.config[_STAMP]:
            raise TopicsWrong(
                f"topic {topic.name} has {_STAMP}={stamped[topic.name]}: no broker would say when "
                f"a record was entered; run: kafka-configs.sh --bootstrap-server {settings.kafka} "
                f"--alter --entity-type topics --entity-name {topic.name} --add-config "
                f"{_STAMP}={topic.config[_STAMP]}"
            )


_STAMP = "message.timestamp.type"


async def _stamped(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, str]:
    """Return whose time the records of each topic have."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, {_STAMP: None}) for name in names]
    stamped: dict[str, str] = {}
    for response in await admin.describe_configs(asked) if asked else ():
        for code, message, _, name, entries in response.resources:
            if code:
                raise TopicsWrong(f"the settings of topic {name} cannot be read: {message}")
            stamped[name] = next(value for key, value, *_ in entries if key == _STAMP)
    return stamped
