"""A link is a line of JSON whose hash is made over its very bytes, and hangs on the one before."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from contracts.wire.actor import Actor, AuthType
from services.runtime.audit.chain_keys import AuditSecrets, chain_key
from services.runtime.audit.kinds import AuditKind
from services.runtime.audit.link import (
    BEGINNING,
    AuditEntry,
    Chain,
    NoLink,
    is_as_written,
    read_link,
)
from services.runtime.refusal import SettingsWrong
from tests.support.audits import NOON, SECRETS, a_chain, entry


def test_it_tells_who_what_and_from_where() -> None:
    told = json.loads(Chain("sla", chain="c").next(entry(7), NOON))
    assert len(told.pop("hash")) == 64
    assert told == {
        "v": 1,
        "chain": "c",
        "number": 0,
        "time": "2026-03-02T05:00:00.000Z",
        "service": "sla",
        "key": 0,
        "kind": "read",
        "authtype": "app_user",
        "who": "cb-0017",
        "roles": ["head"],
        "unit": "H29.15",
        "from": "192.0.2.7",
        "request": "GET /dossiers/{code}",
        "dossier": "H29.15-260302-0007",
        "status": 200,
        "previous": BEGINNING,
    }


def test_each_names_the_hash_of_the_one_before() -> None:
    links = [read_link(each) for each in a_chain(4)]
    assert [link.number for link in links] == [0, 1, 2, 3]
    assert [link.previous for link in links] == [BEGINNING, *(link.hash for link in links[:-1])]


def test_another_program_can_make_the_hash_of_the_bytes_before_it() -> None:
    (link,) = a_chain(1)
    body, _, rest = link.rpartition(b',"hash":"')
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys,hashlib;print(hashlib.blake2b(sys.stdin.buffer.read(),digest_size=32,"
            "person=b'motcua.audit').hexdigest())",
        ],
        input=body,
        capture_output=True,
        check=True,
    )
    assert made.stdout.strip() == rest[:64]


def test_a_key_makes_another_hash_and_each_service_has_its_own() -> None:
    hashes = {
        read_link(a_chain(1, service=service, key=SECRETS.current(service), chain="c")[0]).hash
        for service in ("sla", "intake")
    } | {read_link(a_chain(1, chain="c")[0]).hash}
    assert len(hashes) == 3
    link = a_chain(1, key=SECRETS.current("sla"))[0]
    key = SECRETS.key("sla", 1)
    assert key is not None
    assert is_as_written(link, read_link(link), key)
    assert not is_as_written(link, read_link(link), SECRETS.key("intake", 1) or b"")
    assert not is_as_written(link, read_link(link), b"")


def test_a_services_key_is_printed_and_read_again_and_never_shown_by_chance() -> None:
    made = SECRETS.current("sla")
    assert chain_key(made.text()) == made
    assert made.key.hex() not in repr(made)
    assert AuditSecrets({}).current("sla").generation == 0


@pytest.mark.parametrize("told", ["", "x", "1:abc", f"0:{'a' * 64}", f"1:{'a' * 64} 2:{'b' * 64}"])
def test_a_key_that_cannot_be_used_is_refused_without_being_repeated(told: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        chain_key(told)
    assert "MOTCUA_AUDIT_KEY" in str(refused.value)
    assert "a" * 64 not in str(refused.value)


@pytest.mark.parametrize(
    "bytes_",
    [
        b"",
        b"{}",
        b"x" * 200,
        a_chain(1)[0][:-1],
        a_chain(1)[0] + b" ",
        a_chain(1)[0].replace(b"sla", b"\xb2la"),
    ],
)
def test_what_is_no_link_is_refused(bytes_: bytes) -> None:
    with pytest.raises(NoLink):
        read_link(bytes_)


def test_claims_of_another_system_are_left_out() -> None:
    actor = Actor(AuthType.APP_USER, "x", '"anything"')
    link = read_link(Chain("sla").next(AuditEntry(AuditKind.READ, actor), NOON))
    assert (link.who, link.roles, link.unit) == ("x", (), "")
