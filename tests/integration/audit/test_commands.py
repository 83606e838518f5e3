"""A command that opens citizens' keys is told in the audit first, or does nothing."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from motcua.cli import build
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import read_link
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
