"""Settings of the local stack: from the environment, overridden by code, checked."""

from __future__ import annotations

import pytest

from deploy.local.host.errors import StackError, UnsupportedPlatform
from deploy.local.host.preflight import check_platform
from deploy.local.host.settings import Settings, from_environment


def test_defaults() -> None:
    assert from_environment({}, {}) == Settings()


def test_variables_are_read_as_what_they_are() -> None:
    env = {
        "MOTCUA_STACK_KAFKA_HEAP_MB": "256",
        "MOTCUA_STACK_KAFKA_TUNED": "1",
        "MOTCUA_STACK_SMTP_FAIL_RATE": "0.25",
        "MOTCUA_STACK_MONGOD_PORT": "27017",
    }
    settings = from_environment({}, env)
    assert settings.kafka_heap_mb == 256
    assert settings.kafka_tuned is True
    assert settings.smtp_fail_rate == 0.25
    assert settings.fixed_ports == {"mongod": 27017}


def test_code_wins_over_the_environment() -> None:
    env = {"MOTCUA_STACK_KAFKA_HEAP_MB": "256"}
    assert from_environment({"kafka_heap_mb": 128}, env).kafka_heap_mb == 128


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MOTCUA_STACK_KAFKA_HEAP_MB", "much"),
        ("MOTCUA_STACK_KAFKA_TUNED", "perhaps"),
        ("MOTCUA_STACK_KAFKA_PORT", "80"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(variable: str, value: str) -> None:
    with pytest.raises(StackError, match=variable):
        from_environment({}, {variable: value})


def test_an_unknown_override_is_an_error() -> None:
    with pytest.raises(StackError, match="kafka_heap"):
        from_environment({"kafka_heap": 1}, {})


def test_an_unknown_listener_is_an_error() -> None:
    with pytest.raises(StackError, match="zookeeper"):
        Settings(fixed_ports={"zookeeper": 2181})


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_other_platforms_are_told_what_to_use_instead(system: str, machine: str) -> None:
    with pytest.raises(UnsupportedPlatform, match="compose"):
        check_platform(system, machine)
