"""The file of record keys: what it may say, and what is said of the rest."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.wire.codec import encode
from contracts.wire.mac import Doubt
from motcua.feed import tick
from services.runtime.access import AccessWrong
from services.runtime.kafka.producer import EventProducer
from services.runtime.record_keys import (
    SIGNERS,
    RecordKeys,
    check_complete,
    check_own,
    record_keys,
)
from services.runtime.settings import Settings
from tests.support.stage import reception

KEY = b64encode(b"k" * 32).decode()


def keys_in(path: Path, text: str, since: datetime | None = None) -> RecordKeys:
    path.write_text(text, encoding="utf-8")
    found = record_keys(Settings(record_keys_file=path, record_keys_since=since))
    assert found is not None
    return found


def test_without_a_file_nothing_is_signed_or_checked() -> None:
    assert record_keys(Settings(record_keys_file=None)) is None
    check_complete(None)
    check_own(None, "page")


def test_who_reads_no_log_has_its_own_key_alone(tmp_path: Path) -> None:
    check_own(keys_in(tmp_path / "keys", f"page 1 {KEY}\n"), "page")
    for others in (f"page 1 {KEY}\nnotify 1 {KEY}\n", f"notify 1 {KEY}\n"):
        with pytest.raises(AccessWrong, match="give page a file with its own key alone"):
            check_own(keys_in(tmp_path / "keys", others), "page")


def test_a_service_needs_the_keys_of_all(tmp_path: Path) -> None:
    all_ = "".join(f"{signer} 1 {KEY}\n" for signer in SIGNERS)
    check_complete(keys_in(tmp_path / "keys", f"# since March\n\n{all_}"))
    with pytest.raises(AccessWrong, match="no key of operator: what they write would be refused"):
        check_complete(keys_in(tmp_path / "keys", all_.replace("operator", "# operator")))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sla 1", r"line 1: write SIGNER GENERATION BASE64"),
        (f"sla one {KEY}", r"line 1: write SIGNER GENERATION BASE64"),
        (f"coffee 1 {KEY}", r"line 1: there is no signer 'coffee': intake, "),
        ("sla 1 not-base64", r"line 1: the key is not base64"),
        ("sla 1 AAAA", r"line 1: 3 bytes; a key has 32 to 64: openssl rand -base64 32"),
        (f"sla 1 {KEY} soon", r"line 1: 'soon' is no time"),
        (f"sla 1 {KEY} 2026-03-01T00:00", r"line 1: 2026-03-01T00:00 has no offset"),
        (f"sla 1 {KEY}\nsla 1 {KEY}", r"line 2: generation 1 of sla is there already"),
        ("# nothing", r"has no key in it"),
    ],
)
def test_a_wrong_line_is_named_without_its_key(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(AccessWrong, match=said) as raised:
        keys_in(tmp_path / "keys", line)
    assert KEY not in str(raised.value)


def test_what_is_older_than_the_keys_is_believed(tmp_path: Path) -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    keys = keys_in(tmp_path / "keys", f"intake 1 {KEY}", since)
    key, value, headers = encode(reception("H29.1-260302-0001"))
    moment = int(since.timestamp() * 1000)
    assert keys.fault(key, value, headers, dict(headers), moment - 1) is None
    assert keys.fault(key, value, headers, dict(headers), moment) is Doubt.NO_MAC


def test_whoever_writes_signs_with_the_keys_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = keys_in(tmp_path / "keys", f"intake 1 {KEY}")
    monkeypatch.setenv("MOTCUA_RECORD_KEYS_FILE", str(tmp_path / "keys"))
    producer = EventProducer("127.0.0.1:1")
    key, value, headers = producer.record_of(reception("H29.1-260302-0001"))
    assert keys.fault(key, value, headers, dict(headers), 0) is None
    with pytest.raises(AccessWrong, match=r"ClockTicked cannot be signed: .* no key of operator"):
        producer.record_of(tick(datetime(2026, 3, 1, tzinfo=UTC)))
