"""How broker and database are reached: what makes sense, and what is said of the rest."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.runtime.access import AccessWrong
from services.runtime.kafka.access import KafkaAccess, kafka_access
from services.runtime.kafka.clients import AIOKAFKA, clients_with, faststream_broker
from services.runtime.mongo.access import MongoAccess, mongo_access
from services.runtime.process import EXIT_REFUSED
from tests.support.certificates import Certificates, certificates
from tests.support.paths import ROOT

URI = "mongodb://db.example.test:27017/?replicaSet=rs0"
SECRET = "no-one-may-read-this"
FACTORY = ROOT / "services" / "runtime" / "kafka" / "clients.py"
KINDS = {
    *("AIOKafkaProducer", "AIOKafkaConsumer", "AIOKafkaAdminClient", "AIOKafkaClient"),
    "KafkaBroker",
}


def _subscriptions(bootstrap_servers: str) -> Any:
    return faststream_broker(bootstrap_servers)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in os.environ if name.startswith("MOTCUA_")]:
        monkeypatch.delenv(name)

    def tell(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"MOTCUA_{name.upper()}", str(value))

    return tell


# -- Kafka ------------------------------------------------------------------------------


def test_without_a_setting_kafka_is_reached_in_clear_and_without_a_login() -> None:
    assert KafkaAccess().options() == {"security_protocol": "PLAINTEXT"}


def test_a_login_over_tls_checks_whose_certificate_it_is_and_its_name(made: Certificates) -> None:
    options = KafkaAccess(
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        user="sla",
        password=SECRET,
        ca_file=made.ca,
    ).options()
    tls = options.pop("ssl_context")
    assert tls.check_hostname
    assert len(tls.get_ca_certs()) == 1
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "sla",
        "sasl_plain_password": SECRET,
    }


def test_a_password_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    access = KafkaAccess(
        security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", user="sla", password_file=file
    )
    assert access.options()["sasl_plain_password"] == SECRET


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"user": "sla"}, r"KAFKA_USER is set, but .* is PLAINTEXT.* set SASL_SSL, or take"),
        ({"ca_file": "/ca"}, r"KAFKA_CA_FILE is set, but .* set SSL or SASL_SSL"),
        ({"security_protocol": "SSL", "password": SECRET}, r"KAFKA_PASSWORD is set, but"),
        ({"security_protocol": "SASL_PLAINTEXT", "cert_file": "/c"}, r"KAFKA_CERT_FILE is set"),
        ({"security_protocol": "SASL_SSL", "user": "sla"}, r"SASL_MECHANISM is not set: set PLAIN"),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"},
            r"KAFKA_USER is not set: set it",
        ),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "user": "sla"},
            r"neither of MOTCUA_KAFKA_PASSWORD and MOTCUA_KAFKA_PASSWORD_FILE: set one",
        ),
        (
            {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "PLAIN",
                "user": "sla",
                "password": SECRET,
                "password_file": "/p",
            },
            r"both of",
        ),
        ({"security_protocol": "SSL", "ca_file": "/no/ca"}, r"CA_FILE: /no/ca cannot be read: No"),
        ({"security_protocol": "SSL", "ca_file": __file__}, r"CA_FILE: .* holds no certificate"),
        ({"security_protocol": "SSL", "key_file": "/k"}, r"KEY_FILE is set without .*CERT_FILE"),
        ({"security_protocol": "SSL", "cert_file": __file__}, r"CERT_FILE: .* are no pair in PEM"),
    ],
)
def test_what_makes_no_sense_is_said_with_the_variable_and_the_remedy(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(AccessWrong, match=said) as raised:
        KafkaAccess(**settings).options()
    assert SECRET not in str(raised.value)


def test_a_word_that_kafka_does_not_know_is_refused_without_repeating_it(told: Any) -> None:
    told(kafka_security_protocol=SECRET)
    with pytest.raises(AccessWrong, match=r"one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL") as e:
        kafka_access()
    assert SECRET not in str(e.value)
    assert e.value.__suppress_context__


def test_an_access_shows_no_password(told: Any) -> None:
    told(kafka_password=SECRET, mongo_password=SECRET)
    for access in (kafka_access(), mongo_access()):
        assert SECRET not in f"{access!r} {access} {access.model_dump()} {access.model_dump_json()}"


@pytest.mark.parametrize(
    "make", [AIOKAFKA.producer, AIOKAFKA.consumer, AIOKAFKA.admin, _subscriptions]
)
async def test_no_kind_of_client_is_made_with_an_access_that_makes_no_sense(
    told: Any, make: Any
) -> None:
    told(kafka_user="sla")
    with pytest.raises(AccessWrong, match="PLAINTEXT"):
        make(bootstrap_servers="127.0.0.1:1")


def test_other_clients_than_this_process_s_can_be_made() -> None:
    wrong = clients_with(lambda: KafkaAccess(user="sla"))
    with pytest.raises(AccessWrong):
        wrong.consumer(bootstrap_servers="127.0.0.1:1")


def test_no_client_of_kafka_is_made_anywhere_else() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for top in ("contracts", "services", "motcua", "deploy", "tests")
        for path in (ROOT / top).rglob("*.py")
        if path != FACTORY
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _name(node.func) in KINDS
    ]
    assert found == []


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


# -- MongoDB ----------------------------------------------------------------------------


def test_without_a_setting_the_uri_says_all() -> None:
    assert MongoAccess().options(URI) == {}


def test_a_user_and_tls_can_be_set_beside_the_uri(made: Certificates) -> None:
    access = MongoAccess(user="sla", password=SECRET, ca_file=made.ca, cert_file=made.cert)
    assert access.options(URI) == {
        "tls": True,
        "tlsCAFile": str(made.ca),
        "tlsCertificateKeyFile": str(made.cert),
        "username": "sla",
        "password": SECRET,
        "authSource": "admin",
    }


@pytest.mark.parametrize(
    ("uri", "settings", "said"),
    [
        ("mongodb://a:b@db/", {"user": "sla", "password": SECRET}, r"MOTCUA_MONGO names a user"),
        ("http://db/", {}, r"MOTCUA_MONGO is no URI"),
        (URI, {"password": SECRET}, r"MONGO_PASSWORD is set without MOTCUA_MONGO_USER"),
        (URI, {"user": "sla"}, r"neither of MOTCUA_MONGO_PASSWORD"),
        (URI, {"ca_file": "/no/ca"}, r"MONGO_CA_FILE: /no/ca cannot be read"),
        (URI, {"cert_file": __file__}, r"MONGO_CERT_FILE: .* are no pair"),
    ],
)
def test_a_wrong_access_to_the_database_is_said_too(
    uri: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(AccessWrong, match=said) as raised:
        MongoAccess(**settings).options(uri)
    assert SECRET not in str(raised.value)


# -- at the start -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "code"), [(["services.sla"], EXIT_REFUSED), (["motcua", "topics", "create"], 1)]
)
def test_services_and_commands_say_at_their_start_what_makes_no_sense(
    told: Any, program: list[str], code: int
) -> None:
    told(kafka_user="sla", kafka_password=SECRET)
    done = subprocess.run(
        [sys.executable, "-m", *program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert "MOTCUA_KAFKA_USER is set, but MOTCUA_KAFKA_SECURITY_PROTOCOL is PLAIN" in done.stderr
    assert SECRET not in done.stderr + done.stdout
