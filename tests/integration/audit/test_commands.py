"""A command that opens citizens' keys is told in the audit first, or does nothing."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY
from typer.testing import CliRunner, Result

from motcua.cli import build
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import AuditEntry, read_link
from services.runtime.refusal import CannotStart
from tests.integration.audit.conftest import Log

pytestmark = [pytest.mark.integration]


def rotate(log: Log, kafka: str) -> Result:
    told = {"MOTCUA_KAFKA": kafka, "MOTCUA_MONGO": log.settings.mongo}
    return CliRunner().invoke(build(["keys"]), ["keys", "rotate"], env=told)


def test_a_rotation_of_the_master_key_is_told(log: Log) -> None:
    result = rotate(log, log.settings.kafka)
    assert "0 keys wrapped anew" in result.stdout, result
    opened, used, closed = [read_link(record.value) for record in log.records()]
    assert [opened.kind, closed.kind] == [AuditKind.OPENED, AuditKind.CLOSED]
    assert (used.kind, used.request) == (AuditKind.MASTER_KEY_USED, "motcua keys rotate")
    assert (used.service, used.authtype, bool(used.who)) == ("command", "user", True)


def test_without_the_log_it_is_not_done(log: Log) -> None:
    result = rotate(log, "127.0.0.1:9")
    assert isinstance(result.exception, CannotStart)
    assert "MOTCUA_KAFKA" in str(result.exception)
    assert "wrapped" not in result.stdout


def test_what_repeats_is_counted_each_time_though_it_is_told_once_a_minute(log: Log) -> None:
    refused = AuditEntry(AuditKind.SIGN_IN_REFUSED, address="192.0.2.1")

    def counted(kind: AuditKind) -> float | None:
        labels = {"service": "counted", "kind": kind}
        return REGISTRY.get_sample_value("motcua_security_events_total", labels)

    chain = log.write(*[refused] * 4, service="counted")
    links = [read_link(record.value) for record in log.records()]
    told = [link for link in links if link.chain == chain and link.kind is refused.kind]
    assert [link.times for link in told] == [1, 3]
    assert counted(AuditKind.SIGN_IN_REFUSED) == 4
    assert counted(AuditKind.FORGED_TOKEN) == 0, "an increase shows only if 0 was reported before"
    assert counted(AuditKind.READ) is None, "that is no security event"
