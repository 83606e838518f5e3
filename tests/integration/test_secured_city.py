"""A city whose broker and database speak TLS and ask for a login, each user allowed only its own,
and whose records are signed.

This file's stack is always a secured one; with `--secured` all others are, too.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from contracts.catalogue import load_catalogue
from contracts.events.authority import AbsenceDeclared, AuthorityDelegated, AuthorityRevoked
from contracts.events.clock import ClockTicked
from contracts.events.notify import MessageGathered
from contracts.events.refusals import Refusal
from contracts.events.rules import RulesEnacted
from contracts.wire.codec import Record
from contracts.wire.mac import Key, Keys
from contracts.wire.topics import (
    CITY_RULES,
    DOSSIER_EVENTS,
    NOTIFICATION_EVENTS,
    PAGE,
    SERVICES,
    TOPICS,
)
from deploy.access.rights import load_rights
from deploy.local.secured.secured import ADMIN
from deploy.local.stack.city import PROCESSES, City
from deploy.local.stack.endpoints import Endpoints
from deploy.local.stack.stack import Stack
from motcua.access import OPERATOR, files
from motcua.deciders import all_deciders
from services.intake.proof_decider import ProofDecider
from services.notify.contacts.contact import SealedContactDecider
from services.notify.deciders import DeliveryDecider
from services.notify.dossier.policy import Policy
from services.runtime.core.dead_letter import DeadLetter, redriven
from services.runtime.kafka.access import kafka_access
from services.runtime.kafka.clients import AIOKAFKA
from services.runtime.kafka.dead_letters import DeadLetters
from services.runtime.record_keys import SIGNERS
from services.shared.lookup_key import lookup_key
from tests.support.eventually import eventually
from tests.support.forged import EVENTS, alarms, write, write_forged
from tests.support.fork_server import fork
from tests.support.importing import rest
from tests.support.office import OFFICER, Office, filing
from tests.support.paths import ROOT
from tests.support.secured import mongo_client
from tests.support.stage import read_topic

pytestmark = [pytest.mark.integration, pytest.mark.slow]

UNTOUCHED = "H29.1-260302-7777"
"""A dossier that there is not."""
BROADCAST = (
    ClockTicked.TYPE,
    RulesEnacted.TYPE,
    AuthorityDelegated.TYPE,
    AbsenceDeclared.TYPE,
    AuthorityRevoked.TYPE,
)
"""What every engine reads in each of its partitions."""
READERS: dict[tuple[str, str], frozenset[str]] = defaultdict(frozenset)
for decider in (
    *all_deciders(Policy(load_catalogue())),
    DeliveryDecider(),
    ProofDecider(),
    SealedContactDecider(),
):
    for kind in (*decider.requests, *decider.facts, *BROADCAST):
        READERS[decider.topic, kind] |= {decider.name}
"""Who reads each kind of event on a topic."""
RIGHTS = {rights.user: rights for rights in load_rights()}
DATABASES = {name for rights in RIGHTS.values() for name in rights.databases}


def key(signer: str, generation: int = 1) -> str:
    """A signer's key, as the file of keys has it."""
    return b64encode(f"{signer}/{generation}".ljust(32, ".").encode()).decode()


@dataclass
class House:
    """The secured stack, its city, and who asks."""

    endpoints: Endpoints
    city: City
    office: Office

    def motcua(self, *arguments: str) -> str:
        """What a command prints that the operator runs; it must end well."""
        done = subprocess.run(
            [sys.executable, "-m", "motcua", *arguments],
            env={**self.city.environment(OPERATOR), "PYTHONPATH": str(ROOT), "COLUMNS": "160"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    stack = Stack(tmp_path_factory.mktemp("secured"), "secured", die_with_parent=True, secured=True)
    endpoints = stack.up()
    folder = tmp_path_factory.mktemp("city")
    keys = folder / "record-keys"
    keys.write_text("".join(f"{each} 1 {key(each)}\n" for each in SIGNERS))
    own_key = folder / "page-key"
    own_key.write_text(f"{PAGE} 1 {key(PAGE)}\n")
    city = City(
        endpoints,
        folder,
        record_keys_file=keys,
        launch=fork,
        partitions=4,
        lookup_secrets="1:tests",
        channels="email",
        quiet_from="00:00",  # whenever the tests run
        quiet_until="00:00",
        session_timeout_ms=2000,
        batch_gap_ms=10,
    )
    office = Office(city)
    house = House(endpoints, city, office)
    house.motcua("topics", "create")
    house.motcua("rules", "enact", "contracts/rules/sample", "--by", "cb-1", "--yes")
    with patch.dict(os.environ, endpoints.environment(ADMIN)), city:
        for service in SERVICES:
            city.start(service)
        city.start(PAGE, record_keys_file=own_key)
        city.wait_ready()
        yield house
    office.close()
    stack.reset()


def as_user(house: House, user: str, what: Callable[[], Awaitable[None]]) -> None:
    """Does something as that user."""
    with patch.dict(os.environ, house.endpoints.environment(user)):
        asyncio.run(what())  # type: ignore[arg-type]


# -- it works ---------------------------------------------------------------------------


def test_a_dossier_lives_from_reception_to_return_and_its_citizen_is_told(house: House) -> None:
    office = house.office
    contact = {"email": "citizen-1@example.test"}
    body = {"filing": filing(), "by": OFFICER, "contact": contact}
    code = office.post("intake", "/dossiers", body).json()["code"]
    for step in ("receive-check", "decide"):
        shown = eventually(
            lambda s=step: (v := office.open_step(code))["open_step"] == s and v  # type: ignore[misc]
        )
        office.does("routing", code, "step-completion", {"step": step, "by": shown["lead"]})
    office.agrees(code, "processed")
    office.does(
        "routing", code, "result-return", {"unit": "H29.1", "channel": "counter", "by": OFFICER}
    )
    office.agrees(code, "returned")
    told = eventually(
        lambda: [m for m in office.view("notify", code)["messages"] if m["outcome"] == "sent"]
    )
    assert {m["channel"] for m in told} == {"email"}
    # The citizen looks, and says what they think of it: the page may read that and ask this.
    page, opens = house.city.of(PAGE).url, {"key": lookup_key("tests", code)}
    shown = httpx.get(f"{page}/status/{code}", params=opens, timeout=30)
    assert shown.status_code == 200
    for form, fields in (("rating", {"score": "5"}), ("preferences", {"channels": "email"})):
        answer = httpx.post(f"{page}/status/{code}/{form}", data=opens | fields, timeout=30)
        assert f"told={form}" in answer.headers["location"]


def test_commands_are_the_operator_s(house: House, tmp_path: Path) -> None:
    code = house.office.hand_in()
    house.office.agrees(code, "in_process")
    rest(house.office)
    assert "DossierReceived" in house.motcua("story", code, "--all")
    assert code in house.motcua("why", code, "--lang", "en")
    assert "no open dead letters" in house.motcua("dead-letters", "list", "sla")
    assert "cb-1" in house.motcua("rules", "list")
    house.motcua("record", str(tmp_path / "city.jsonl.gz"), "--dossier", code, "--as-is", "--yes")
    house.motcua("citizen", "erase", "citizen-9", "--reason", "a test", "--yes")
    house.motcua("keys", "status")
    routing = house.city.of("routing")
    house.city.leave(routing)
    assert "states equal the live ones, 0 differ" in house.motcua("rebuild", "routing", "--check")
    house.motcua("rebuild", "routing")
    house.city.start("routing")
    house.city.wait_ready()
    house.office.agrees(house.office.hand_in(), "in_process")


# -- and nothing else does --------------------------------------------------------------


@pytest.mark.parametrize("user", [user for user, r in RIGHTS.items() if r.databases])
def test_a_user_reads_and_writes_no_database_but_its_own(house: House, user: str) -> None:
    rights = RIGHTS[user]
    environment = house.endpoints.environment(user)
    with patch.dict(os.environ, environment), mongo_client(house.endpoints.mongo) as mongo:
        for name in sorted(DATABASES | {"admin", "local", "other"}):
            role = rights.databases.get(name)
            probe = mongo[name]["probe"]
            if role is None:
                with pytest.raises(OperationFailure, match="not authorized"):
                    probe.find_one()
            else:
                probe.find_one()
            if role == "readWrite":
                probe.insert_one({})
                probe.drop()
            else:
                with pytest.raises(OperationFailure, match="not authorized"):
                    probe.insert_one({})


@pytest.mark.parametrize("user", RIGHTS)
def test_a_user_writes_to_no_topic_but_its_own(house: House, user: str) -> None:
    async def write(topic: str) -> None:
        producer = AIOKAFKA.producer(bootstrap_servers=house.endpoints.kafka)
        await producer.start()
        try:
            with pytest.raises(TopicAuthorizationFailedError):
                await producer.send_and_wait(topic, b"probe")
        finally:
            await producer.stop()

    async def write_all() -> None:
        # The city shows where it may; a probe would be a record that nobody wants.
        others = {topic.name for topic in TOPICS} - set(RIGHTS[user].writes)
        await asyncio.gather(*map(write, sorted(others)))

    as_user(house, user, write_all)


@pytest.mark.parametrize("user", RIGHTS)
def test_a_user_reads_no_topic_but_its_own(house: House, user: str) -> None:
    async def first(consumer: AIOKafkaConsumer, place: TopicPartition) -> None:
        await consumer.seek_to_beginning(place)
        await consumer.getone(place)

    async def read(topic: str) -> None:
        place = TopicPartition(topic, 0)
        consumer = AIOKAFKA.consumer(bootstrap_servers=house.endpoints.kafka)
        await consumer.start()
        consumer.assign([place])
        # Of a topic at which a user may not even look, the client learns nothing and goes on
        # asking; what stands there does not come.
        blind = topic not in RIGHTS[user].looks
        error = TimeoutError if blind else TopicAuthorizationFailedError
        try:
            if topic in RIGHTS[user].reads:
                await consumer.seek_to_beginning(place)
                await consumer.getmany(place, timeout_ms=10)
            else:
                with pytest.raises(error):
                    await asyncio.wait_for(first(consumer, place), 2 if blind else 20)
        finally:
            await consumer.stop()

    async def read_all() -> None:
        await asyncio.gather(*(read(topic.name) for topic in TOPICS))

    as_user(house, user, read_all)


@pytest.mark.parametrize("user", PROCESSES)
def test_a_user_joins_no_group_but_its_own(house: House, user: str) -> None:
    other = next(name for name in SERVICES if name != user)

    async def join() -> None:
        consumer = AIOKAFKA.consumer(
            DOSSIER_EVENTS,
            bootstrap_servers=house.endpoints.kafka,
            group_id=f"{other}:{DOSSIER_EVENTS}",
        )

        async def joined() -> None:
            await consumer.start()
            await asyncio.wait_for(consumer.getone(), 20)

        try:
            with pytest.raises(GroupAuthorizationFailedError):
                await joined()
        finally:
            await consumer.stop()

    as_user(house, user, join)


def test_nobody_without_a_password_or_tls_is_let_in(house: House, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("another")
    own = house.endpoints.environment("sla")
    clear = dict.fromkeys(own, "")
    bad = own | {f"MOTCUA_{where}_PASSWORD_FILE": str(wrong) for where in ("KAFKA", "MONGO")}

    async def start() -> None:
        producer = AIOKAFKA.producer(
            bootstrap_servers=house.endpoints.kafka, request_timeout_ms=2000
        )
        try:
            with pytest.raises(KafkaConnectionError):
                await producer.start()
        finally:
            await producer.stop()

    for environment in (clear, bad):
        with patch.dict(os.environ, environment):
            asyncio.run(start())
    for environment, refused in ((bad, OperationFailure), (clear, ServerSelectionTimeoutError)):
        with patch.dict(os.environ, environment):
            mongo = mongo_client(house.endpoints.mongo, serverSelectionTimeoutMS=1000)
        with mongo, pytest.raises(refused):
            mongo["motcua_sla"]["dossiers"].find_one()


def test_a_broker_of_another_name_is_not_believed(house: House) -> None:
    # The certificate is good for 127.0.0.1 and localhost, and this address is the same machine.
    elsewhere = house.endpoints.kafka.replace("127.0.0.1", "127.0.0.2")

    async def start() -> None:
        assert kafka_access().options()["ssl_context"].check_hostname
        producer = AIOKAFKA.producer(bootstrap_servers=elsewhere, request_timeout_ms=2000)
        try:
            with pytest.raises(KafkaConnectionError):
                await producer.start()
        finally:
            await producer.stop()

    as_user(house, "sla", start)


def test_no_log_of_the_city_holds_a_password(house: House) -> None:
    assert house.endpoints.secured is not None
    passwords = [path.read_text() for path in house.endpoints.secured.glob("*.password")]
    assert len(passwords) == len(RIGHTS) + 2
    logs = list(house.city.folder.glob("*.log"))
    assert len(logs) >= len(PROCESSES)
    for log in logs:
        text = log.read_text()
        assert not any(password in text for password in passwords)


# -- what nobody has written who may -----------------------------------------------------


def _unsigned(record: Record) -> Record:
    return record


def _with(signer: str, generation: int, secret: bytes) -> Callable[[Record], Record]:
    keys = {name: [Key(generation, secret)] for name in SIGNERS}

    def change(record: Record) -> Record:
        made = Keys(keys).signed(record)
        mac = dict(made.headers)["ce_mac"].split(b".", 1)[1]
        return made._replace(headers=[*record.headers, ("ce_mac", signer.encode() + b"." + mac)])

    return change


def _own(signer: str, record: Record) -> Record:
    secret = b64decode(key(signer))
    return Keys({name: [Key(1, secret)] for name in SIGNERS}).signed(record)


def _body_changed(record: Record) -> Record:
    return _own("sla", record)._replace(value=record.value.replace(b"2026", b"2027") + b" ")


def _header_behind(record: Record) -> Record:
    made = _own("sla", record)
    return made._replace(headers=[*made.headers, ("ce_time", b"2020-01-01T00:00:00Z")])


def _of_another(record: Record) -> Record:
    made = _own("routing", record)
    headers = [
        (name, text.replace(b"sla.1.", b"routing.1.") if name == "ce_mac" else text)
        for name, text in made.headers
    ]
    return made._replace(headers=headers)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_unsigned, "no-mac"),
        (_with("sla", 1, b"x" * 32), "wrong-mac"),
        (_with("sla", 2, b"x" * 32), "unknown-key"),
        (_body_changed, "wrong-mac"),
        (_header_behind, "wrong-mac"),
        (_of_another, "wrong-signer"),
    ],
)
def test_a_deadline_that_sla_did_not_set_moves_nothing_and_holds_nothing(
    house: House, change: Callable[[Record], Record], reason: str
) -> None:
    office = house.office
    code = office.hand_in()
    office.agrees(code, "in_process")
    due = eventually(lambda: office.view("sla", code)["due"])
    rest(office)
    before = {name: alarms(office, name, reason) for name in ("sla", "notify")}
    write_forged(house.endpoints.kafka, "DeadlineSet", code, change)
    for name, count in before.items():
        eventually(lambda n=name, c=count: alarms(office, n, reason) == c + 1)  # type: ignore[misc]
    assert office.view("sla", code)["due"] == due
    # The dossier goes on: it waits for no dead letter.
    lead = office.open_step(code)["lead"]
    office.does("routing", code, "step-completion", {"step": "receive-check", "by": lead})
    eventually(lambda: office.open_step(code)["open_step"] == "decide")
    said = house.city.of("sla").log.read_text()
    assert "a forged record" in said


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_a_forged_event_of_each_kind_is_refused_by_whoever_reads_it(
    house: House, name: str
) -> None:
    office = house.office
    event = EVENTS[name]
    readers = READERS.get((event.data.TOPIC, event.type), frozenset())
    told_nobody = isinstance(event.data, Refusal | MessageGathered)
    assert readers or told_nobody, "where nobody reads, nobody acts and nobody sees it"
    before = {reader: alarms(office, reader, "no-mac") for reader in readers}
    subject = event.subject if event.type in BROADCAST else UNTOUCHED
    if event.data.TOPIC not in (DOSSIER_EVENTS, NOTIFICATION_EVENTS):
        subject = event.subject
    write_forged(house.endpoints.kafka, name, subject, _unsigned)
    for reader, count in before.items():
        eventually(lambda r=reader, c=count: alarms(office, r, "no-mac") > c)  # type: ignore[misc]


def test_nothing_of_all_that_was_acted_upon(house: House) -> None:
    rest(house.office)
    with mongo_client(house.endpoints.mongo) as mongo:
        for name in SERVICES:
            database = mongo[f"motcua_{name}"]
            for kept in ("dossiers", "deliveries", "desks", "contacts", "proofs"):
                touched = database[kept].find_one({"_id": {"$regex": UNTOUCHED}})
                assert touched is None, (name, kept)
            assert database["dossiers"].find_one({"hold": {"$ne": None}}) is None
    said = asyncio.run(read_topic(house.endpoints.kafka, DOSSIER_EVENTS))
    about = [dict(record.headers) for record in said if record.key == UNTOUCHED.encode()]
    assert about, "the forged ones stand there"
    assert not [headers for headers in about if "ce_mac" in headers], "nobody has answered them"
    assert house.motcua("rules", "list").count("cb-1") == 1
    letters = house.motcua("dead-letters", "list", "sla")
    assert "forged" in letters
    assert "DeadlineSet" in letters or "dossier.events" in letters


def test_a_dead_letter_is_put_back_and_given_up_by_the_operator_alone(house: House) -> None:
    office, kafka = house.office, house.endpoints.kafka

    async def still_open() -> list[DeadLetter]:
        async with DeadLetters(kafka, "sla") as letters:
            return await letters.still_open()

    found = asyncio.run(still_open())
    assert {letter.fault for letter in found} == {"forged"}
    before = alarms(office, "sla", "no-mac")
    orders = [redriven(letter, skip=skip) for letter in found[:2] for skip in (True, False)]
    for letter, order in zip([each for each in found[:2] for _ in range(2)], orders, strict=True):
        write(kafka, letter.topic, [order])
    eventually(lambda: alarms(office, "sla", "no-mac") == before + len(orders))
    rest(office)
    assert {letter.id for letter in asyncio.run(still_open())} == {letter.id for letter in found}

    assert "0 still open" in house.motcua("dead-letters", "purge", "sla", "--all", "--yes")
    rest(office)
    assert alarms(office, "sla", "no-mac") == before + len(orders), "what the operator does is his"


# -- the files --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rights.toml", "kafka-acls.sh", "mongo-users.js"])
def test_the_files_of_rights_are_what_the_code_needs(name: str) -> None:
    kept = (ROOT / "deploy" / "access" / name).read_text(encoding="utf-8")
    assert kept == files()[name], "run: python -m motcua.access"


def test_no_service_may_write_what_another_one_owns() -> None:
    assert CITY_RULES not in {topic for name in SERVICES for topic in RIGHTS[name].writes}
    for name in SERVICES:
        others = {f"{other}.dead-letters" for other in SERVICES if other != name}
        assert not others & set(RIGHTS[name].writes)
