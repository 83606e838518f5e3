"""What a service keeps of each partition: how far its states are, and what was broadcast there."""

from __future__ import annotations

import re
from collections.abc import Collection as Many
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, NamedTuple

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from contracts.events.authority import AuthorityFact
from contracts.model import registered
from contracts.rules.rule_set import RuleSet
from services.runtime.core.grants import Grants, fact_key, fact_keys, folded_anew
from services.runtime.core.world import World, first_world
from services.runtime.mongo.client import Collection, Database

_LINEARIZABLE = ReadConcern("linearizable")
_DECIDED = "authority_decided"
"""What the service itself has said of authority, before it did."""


class TwoContents(Exception):
    """Two sets of rules came under one number: the database is of another log, or a defect."""


class Mark(NamedTuple):
    """One partition, as the database has it."""

    next: int
    """The offset behind the last record that the states have folded."""
    world: World


class Partitions:
    """The partitions of one topic, for one engine.

    A rule set's text is kept once, by its number, and what was told of authority, by its key; a
    partition names the numbers and the keys that it has.
    """

    def __init__(self, database: Database, topic: str, collection: str) -> None:
        """`collection`: that of the engine's states, which tells it from others of the topic."""
        self.database = database
        self._marks = database["partitions"]
        self._sets = database["rule_sets"]
        self._told = database["authority"]
        self._topic = topic
        self._prefix = f"{collection}:{topic}"

    async def newest(self) -> World:
        """Return the world of the partition that knows most, for one who owns none."""
        return await read_world(self.database)

    async def load(self, partitions: Iterable[int]) -> dict[int, Mark]:
        """Return the partitions that were written before."""
        names = {f"{self._prefix}:{p}": p for p in partitions}
        documents = await self._marks.find({"_id": {"$in": list(names)}}).to_list(None)
        numbers = {number for document in documents for number in document["sets"]}
        sets = await _rule_sets(self._sets, {"_id": {"$in": sorted(numbers)}})
        keys = {key for document in documents for key in document.get("authority", ())}
        told = await _told(self._told, {"_id": {"$in": sorted(keys)}}) if keys else {}
        return {
            names[document["_id"]]: Mark(
                document["next"],
                _world_of(
                    (sets[n] for n in sorted(document["sets"])),
                    folded_anew(told[key] for key in document.get("authority", ())),
                ),
            )
            for document in documents
        }

    async def certain_next(self, partition: int) -> int:
        """Return the `next` of a partition's mark, 0 if there is none, as a majority has it.

        For a moment after a fail-over, other reads may be answered by a primary that was replaced.
        """
        found = await self._marks.with_options(read_concern=_LINEARIZABLE).find_one(
            {"_id": f"{self._prefix}:{partition}"}
        )
        return found["next"] if found else 0

    async def write(self, marks: Mapping[int, Mark]) -> None:
        """Write how far the partitions are, and their worlds; of none, nothing."""
        if not marks:
            return  # nothing was ever written to the topic
        await self._marks.bulk_write(
            [
                UpdateOne(
                    {"_id": f"{self._prefix}:{partition}"},
                    # Both only grow: an owner of before that is late changes nothing.
                    {
                        "$max": {"next": mark.next},
                        "$addToSet": {"sets": {"$each": _numbers(mark.world)}},
                    },
                    upsert=True,
                )
                for partition, mark in marks.items()
            ],
            ordered=False,
        )

    async def keep_authority(
        self, partition: int, data: AuthorityFact, forgotten: Many[str] = ()
    ) -> None:
        """Keep what was told of authority, and that it stands in a partition, which forgets other
        keys. To do so again changes nothing."""
        key = fact_key(data)
        text = {"type": data.TYPE, "data": data.model_dump_json(exclude_none=True)}
        await self._told.update_one({"_id": key}, {"$setOnInsert": text}, upsert=True)
        mark = {"_id": f"{self._prefix}:{partition}"}
        beginning = {"$setOnInsert": {"next": 0, "sets": []}, "$addToSet": {"authority": key}}
        await self._marks.update_one(mark, beginning, upsert=True)
        if forgotten:
            await self._marks.update_one(mark, {"$pullAll": {"authority": sorted(forgotten)}})

    async def has_decided(self, data: AuthorityFact) -> bool:
        """Return whether this service has said this of authority, and nobody else."""
        found = await self.database[_DECIDED].find_one({"_id": fact_key(data)}, {"_id": 1})
        return found is not None

    async def take_authority(self, partition: int, grants: Grants) -> None:
        """Have a partition know what these grants were folded from, which is kept already."""
        if keys := sorted(fact_keys(grants)):
            await self._marks.update_one(
                {"_id": f"{self._prefix}:{partition}"},
                {"$addToSet": {"authority": {"$each": keys}}},
            )

    async def drop(self) -> None:
        """Forget the partitions; the sets of rules are kept."""
        await self._marks.delete_many({"_id": {"$regex": f"^{re.escape(self._prefix)}:"}})

    async def keep(self, rules: RuleSet) -> None:
        """Keep a set's text. Raise TwoContents if there is another under its number."""
        document = {
            "_id": rules.number,
            "since": rules.since,
            "sha256": rules.sha256,
            # Pairs: a file's name has a dot, which MongoDB takes for a path.
            "files": [list(pair) for pair in sorted(rules.files.items())],
            "by": rules.by,
        }
        try:
            await self._sets.insert_one(document)
        except DuplicateKeyError:
            known = await self._sets.find_one({"_id": rules.number})
            if known is None or known["sha256"] != rules.sha256:
                raise TwoContents(
                    f"there are two sets of rules with the number {rules.number}: "
                    f"{rules.sha256} on the log, {known and known['sha256']} in the database"
                ) from None


def _numbers(world: World) -> list[int]:
    return [one.number for one in world.sets if one.number]


async def note_authority(database: Database, data: AuthorityFact) -> None:
    """Remember that the service is about to say this of authority, for good."""
    name = {"_id": fact_key(data)}
    await database[_DECIDED].update_one(name, {"$setOnInsert": {"at": data.at}}, upsert=True)


async def read_world(database: Database) -> World:
    """Return what the service's partitions know together, for answers. What they have forgotten is
    not read, however much was ever told."""
    marks = await database["partitions"].find({}, {"sets": 1, "authority": 1}).to_list(None)
    numbers = {number for mark in marks for number in mark["sets"]}
    keys = {key for mark in marks for key in mark.get("authority", ())}
    sets = await _rule_sets(database["rule_sets"], {"_id": {"$in": sorted(numbers)}})
    told = await _told(database["authority"], {"_id": {"$in": sorted(keys)}})
    return _world_of((sets[number] for number in sorted(sets)), folded_anew(told.values()))


def _world_of(sets: Iterable[RuleSet], grants: Grants) -> World:
    return World(tuple(sets) or first_world().sets, grants)


async def _told(collection: Collection, query: dict[str, Any]) -> dict[str, AuthorityFact]:
    found: dict[str, AuthorityFact] = {}
    async for document in collection.find(query):
        data = registered()[document["type"]].model_validate_json(document["data"])
        assert isinstance(data, AuthorityFact)
        found[document["_id"]] = data
    return found


async def _rule_sets(collection: Collection, query: dict[str, Any]) -> dict[int, RuleSet]:
    return {
        document["_id"]: RuleSet(
            document["_id"],
            document["since"].astimezone(UTC),
            document["sha256"],
            dict(document["files"]),
            document["by"],
        )
        async for document in collection.find(query)
    }
