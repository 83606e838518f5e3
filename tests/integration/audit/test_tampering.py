"""Whoever changes the audit on a real broker is found out, by the command, with the place."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts.wire.codec import Record
from services.runtime.audit.chain_keys import audit_secrets
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import read_link
from tests.integration.audit.conftest import Log

pytestmark = [pytest.mark.integration]

SECRET = "1:" + "5a" * 32
KEYED = {"MOTCUA_AUDIT_SECRETS": SECRET}
KEYS = audit_secrets(SECRET)


def number_of(record: Record, chain: str) -> int | None:
    link = read_link(record.value)
    return link.number if link.chain == chain else None


@pytest.fixture
def chains(log: Log) -> tuple[str, str]:
    """Two processes' chains of seven links, under keys."""
    return (
        log.write(key=KEYS.current("sla")),
        log.write(service="intake", key=KEYS.current("intake")),
    )


@pytest.fixture
def key_files(tmp_path: Path) -> tuple[str, str]:
    """A key that signs anchors and its public part, made as the documentation says."""
    key, public = tmp_path / "audit.key", tmp_path / "audit.pub"
    for words in (
        ["genpkey", "-algorithm", "ed25519", "-out", str(key)],
        ["pkey", "-in", str(key), "-pubout", "-out", str(public)],
    ):
        subprocess.run(["openssl", *words], check=True)
    return str(key), str(public)


def test_what_was_written_is_whole(log: Log, chains: tuple[str, str]) -> None:
    said = log.command("verify", env=KEYED).stdout
    assert "14 links of 2 chains, 0 of them" in " ".join(said.split())
    assert "all is as it was written" in said
    assert "MOTCUA_AUDIT_SECRETS" in log.command("verify", exit_code=2).stdout


def test_one_changed_byte_is_named(log: Log, chains: tuple[str, str]) -> None:
    def change(records: list[Record]) -> Sequence[Record]:
        return [
            r._replace(value=r.value.replace(b"cb-0017", b"cb-0018"))
            if number_of(r, chains[1]) == 3
            else r
            for r in records
        ]

    log.tamper(change)
    said = log.command("verify", exit_code=1, env=KEYED).stdout
    assert f"chain {chains[1]}, link 3: changed" in " ".join(said.split())
    assert chains[0] not in said


def test_a_link_that_was_taken_out_is_named(log: Log, chains: tuple[str, str]) -> None:
    log.tamper(lambda records: [r for r in records if number_of(r, chains[0]) != 2])
    said = log.command("verify", exit_code=1, env=KEYED).stdout
    assert f"chain {chains[0]}, link 2: missing" in " ".join(said.split())


def test_a_cut_tail_and_a_chain_that_is_gone_are_named_by_the_anchors(
    log: Log, chains: tuple[str, str], key_files: tuple[str, str], tmp_path: Path
) -> None:
    anchors, (key, public) = str(tmp_path / "anchors.jsonl"), key_files
    log.command("anchor", "--to", anchors, "--signing-key-file", key, env=KEYED)
    verify = ("verify", "--anchors", anchors, "--public-key-file", public)
    assert "as it was written" in log.command(*verify, env=KEYED).stdout

    log.tamper(lambda records: [r for r in records if (number_of(r, chains[0]) or 0) < 4])
    assert "as it was written" in log.command("verify", env=KEYED).stdout  # nobody could tell
    said = " ".join(log.command(*verify, exit_code=1, env=KEYED).stdout.split())
    assert f"chain {chains[0]}, link 4: tail cut" in said

    log.tamper(lambda records: [r for r in records if number_of(r, chains[0]) is None])
    said = " ".join(log.command(*verify, exit_code=1, env=KEYED).stdout.split())
    assert f"chain {chains[0]}, link 0: chain gone" in said
    # And it is not anchored anew over what is missing.
    again = log.command(
        "anchor", "--to", anchors, "--signing-key-file", key, exit_code=1, env=KEYED
    )
    assert "tail cut" in again.stdout
    assert len(Path(anchors).read_text().splitlines()) == 1


def test_an_anchor_that_was_changed_or_taken_off_is_named(
    log: Log, chains: tuple[str, str], key_files: tuple[str, str], tmp_path: Path
) -> None:
    anchors, (key, public) = tmp_path / "anchors.jsonl", key_files
    for _ in range(2):
        log.command("anchor", "--to", str(anchors), "--signing-key-file", key, env=KEYED)
        log.write(key=KEYS.current("sla"))
    verify = ("verify", "--anchors", str(anchors), "--public-key-file", public)
    said = log.command(*verify, env=KEYED).stdout
    assert "as it was written" in said
    assert "not signed" not in said
    whole = anchors.read_bytes()
    anchors.write_bytes(whole.replace(b'"links":7', b'"links":6', 1))
    said = log.command(*verify, exit_code=1, env=KEYED).stdout
    assert "anchor 0: anchor\n    its signature is wrong" in said
    anchors.write_bytes(whole.splitlines(keepends=True)[0])
    said = " ".join(log.command(*verify, exit_code=1, env=KEYED).stdout.split())
    assert "anchor 1 was made, and the file of anchors ends before it" in said


def test_an_anchor_has_what_came_since_and_tells_the_audit(
    log: Log, chains: tuple[str, str], tmp_path: Path
) -> None:
    anchors = tmp_path / "anchors.jsonl"
    log.command("anchor", "--to", str(anchors), env=KEYED)
    later = log.write(key=KEYS.current("sla"))
    said = log.command("anchor", "--to", str(anchors), env=KEYED).stdout
    assert "2 of 2 anchors are not signed" in " ".join(said.split())
    first, second = map(json.loads, anchors.read_text().splitlines())
    assert set(first["tips"]) == set(chains)
    assert later in second["tips"]
    assert not set(chains) & set(second["tips"])
    told = [read_link(r.value) for r in log.records()]
    assert [link.object.split(":")[1] for link in told if link.kind is AuditKind.ANCHORED] == [
        "0",
        "1",
    ]


def test_what_is_broken_is_told_by_the_audit_itself(log: Log, chains: tuple[str, str]) -> None:
    log.tamper(lambda records: [r for r in records if number_of(r, chains[0]) != 2])
    log.command("verify", "--tell", exit_code=1, env=KEYED)
    (told,) = [link for r in log.records() if (link := read_link(r.value)).kind is AuditKind.BROKEN]
    assert (told.object, told.reason) == (f"{chains[0]}:2", "missing")


def test_an_export_is_verified_by_itself_and_so_is_what_was_done_to_it(
    log: Log, chains: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    log.command("export", "--to", str(file))
    log.empty()
    assert "14 links" in log.command("verify", "--from-file", str(file), env=KEYED).stdout
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], lines[3].replace(b"200", b"404"), *lines[4:]]))
    said = log.command("verify", "--from-file", str(file), exit_code=1, env=KEYED).stdout
    said = " ".join(said.split())
    assert f"chain {chains[0]}, link 3: changed" in said
    assert "audit.jsonl: line 4" in said
    assert "No such file" in log.command("verify", "--from-file", "no", exit_code=2).stdout


def test_who_read_a_dossier_is_shown(log: Log, chains: tuple[str, str]) -> None:
    said = log.command("show", "--dossier", "H29.15-260302-0003").stdout
    assert said.count("read  cb-0017 head H29.15") == 2
    assert "GET /dossiers/{code}; from 192.0.2.7; answered 200" in said
    assert "nothing of X" in log.command("show", "--dossier", "X").stdout


def test_a_services_key_is_printed(log: Log) -> None:
    said = log.command("key", "sla", env=KEYED).stdout
    assert said.strip() == KEYS.current("sla").text()
    assert "MOTCUA_AUDIT_SECRETS" in log.command("key", "sla", exit_code=2).stdout
