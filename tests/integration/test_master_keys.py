"""The master key over a real database: changed, and lost."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local.stack.stack import Stack
from services.runtime.mongo.client import Client, client
from services.shared.citizen_keys import CitizenKeys, Erased
from services.shared.master_keys import KeySettings, MasterKeys, master_keys
from services.shared.sealing import Sealer, Unreadable

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
OLD, NEW = bytes(range(32)), bytes(32)


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own: all citizens' keys are wrapped anew together."""
    stack = Stack(tmp_path_factory.mktemp("keys"), "keys", die_with_parent=True)
    stack.up()
    yield stack
    stack.reset()


@pytest.fixture
async def mongo(own_stack: Stack) -> AsyncIterator[Client]:
    """Its database, without anybody's key."""
    found = client(own_stack.endpoints().mongo)
    yield found
    await found.drop_database("motcua_keys")
    found.close()


def keys(mongo: Client, **masters: bytes) -> CitizenKeys:
    """An instance's view of the citizens' keys, with these master keys."""
    return CitizenKeys(mongo, MasterKeys(masters))


async def test_a_master_key_is_changed_while_both_are_in_the_file(
    mongo: Client, tmp_path: Path
) -> None:
    # It was a variable; in the file it keeps the name that `motcua keys status` shows.
    variable = master_keys(KeySettings(master_key=b64encode(OLD).decode()))
    before = CitizenKeys(mongo, variable)
    sealed = await before.seal("cd-changed", b"an@example.test", NOW)
    assert await before.count() == ({variable.current: 1}, {}, 0)
    file = tmp_path / "keys"
    file.write_text(
        f"2026:{b64encode(NEW).decode()}\n{variable.current}:{b64encode(OLD).decode()}\n"
    )
    both = CitizenKeys(mongo, master_keys(KeySettings(master_key_file=file)))
    assert await both.open("cd-changed", *sealed) == b"an@example.test"
    assert [done async for done in both.rewrap()] == [1]
    assert [done async for done in both.rewrap()] == []
    after = keys(mongo, **{"2026": NEW})
    assert await after.open("cd-changed", *sealed) == b"an@example.test"
    assert await after.count() == ({"2026": 1}, {}, 0)


async def test_of_a_deleted_key_every_master_key_is_kept_that_opens_a_copy(mongo: Client) -> None:
    collection = mongo["motcua_keys"]["citizen_keys"]
    before = keys(mongo, old=OLD)
    sealed = await before.seal("cd-erased", b"an@example.test", NOW)
    backup = await collection.find_one({"_id": "cd-erased"})
    assert backup is not None
    both = CitizenKeys(mongo, MasterKeys({"new": NEW, "old": OLD}))
    assert [done async for done in both.rewrap()] == [1]
    assert await both.erase("cd-erased", "$reason", NOW)
    assert [found async for found in both.erasures()] == [("cd-erased", NOW, ("old", "new"))]
    assert await both.count() == ({}, {"new": 1, "old": 1}, 1)

    # A backup of the keys that is put back, or MongoDB's oplog, has it again: for the old one.
    logged = [
        entry["o"]
        async for entry in mongo["local"]["oplog.rs"].find({"ns": "motcua_keys.citizen_keys"})
        if entry["op"] == "i" and entry["o"]["_id"] == "cd-erased"
    ]
    assert [entry["wrapped"] for entry in logged] == [backup["wrapped"]]
    copy = MasterKeys({"old": OLD}).unwrap("cd-erased", "old", logged[0]["wrapped"])
    assert Sealer(copy).open("cd-erased", sealed.text) == b"an@example.test"
    with pytest.raises(Unreadable, match="the master key old is not known here"):
        MasterKeys({"new": NEW}).unwrap("cd-erased", "old", logged[0]["wrapped"])

    # Who consents anew, and is erased again, has two.
    await both.seal("cd-erased", b"new@example.test", NOW)
    assert await both.count() == ({"new": 1}, {"new": 1, "old": 1}, 0)
    assert await both.erase("cd-erased", "again", NOW)
    assert not await both.erase("cd-erased", "and again", NOW)
    assert [found.masters async for found in both.erasures("cd-erased")] == [
        ("old", "new"),
        ("new",),
    ]
    assert [found async for found in both.erasures("cd-other")] == []


async def test_without_its_master_key_contact_data_opens_no_more_and_is_taken_anew_once_erased(
    mongo: Client,
) -> None:
    sealed = await keys(mongo, old=OLD).seal("cd-lost", b"an@example.test", NOW)
    other = keys(mongo, new=NEW)
    with pytest.raises(Unreadable, match="the master key old is not known here"):
        await other.open("cd-lost", *sealed)
    with pytest.raises(Unreadable):
        await other.seal("cd-lost", b"new@example.test", NOW)
    with pytest.raises(Unreadable):
        [done async for done in other.rewrap()]
    assert await other.erase("cd-lost", "the master key is lost", NOW)
    anew = await other.seal("cd-lost", b"new@example.test", NOW)
    assert await other.open("cd-lost", *anew) == b"new@example.test"
    with pytest.raises(Erased):
        await other.open("cd-lost", *sealed)


async def test_without_the_database_of_keys_everyone_is_as_if_erased(mongo: Client) -> None:
    some = keys(mongo, old=OLD)
    sealed = await some.seal("cd-gone", b"an@example.test", NOW)
    await mongo["motcua_keys"]["citizen_keys"].delete_one({"_id": "cd-gone"})
    with pytest.raises(Erased):
        await keys(mongo, old=OLD).open("cd-gone", *sealed)
