"""Since when which rules are in force: one answer for every instance, and after every start.

What follows from a change of rules is announced as of that time, and the time is part of its ids:
if an instance dies before it has written what it announced, the next one repeats it with the same
ids. The newest entry also tells an instance with older files that newer ones are in force.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from services.runtime import Collection, Document
from services.shared.toml_file import FileError
from services.sla.deciding.rules import Rules


class RuleRegister:
    """The rules that were put in force, entry by entry, in a collection. The newest counts."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def since(self, rules: Rules) -> datetime | None:
        """Return since when these rules have been in force; None if others are, or none."""
        newest = await self._newest()
        return newest["since"] if newest and newest["rules"] == _mark(rules) else None

    async def enter(self, rules: Rules, now: datetime) -> datetime:
        """Put the rules in force from now on, if they are not yet; return since when they are.

        Raise FileError if other rules were in force under the same version: judgements by those
        could not be told from judgements by these.
        """
        version, content = rules.book.version, _content(rules)
        other = {"version": version, "content": {"$ne": content}}
        if await self._collection.find_one(other) is not None:
            raise FileError(
                f"rules.toml: the rules were changed and still have the version {version!r}: "
                "give them another"
            )
        while True:
            newest = await self._newest()
            number = 1
            if newest is not None:
                if newest["rules"] == _mark(rules):
                    return newest["since"]  # type: ignore[no-any-return]
                number = newest["_id"] + 1
                # Two changes never have the same time, whatever the clock does.
                now = max(now, newest["since"] + timedelta(milliseconds=1))
            entry = {
                "_id": number,
                "rules": _mark(rules),
                "version": version,
                "content": content,
                "calendar": rules.calendars.version,
                "since": now,
            }
            try:
                await self._collection.insert_one(entry)
            except DuplicateKeyError:
                continue  # another instance was first, most likely with the same rules
            return now

    async def _newest(self) -> Document | None:
        return await self._collection.find_one(sort=[("_id", DESCENDING)])


def _mark(rules: Rules) -> str:
    """Return a hash of the rule text beside every deadline."""
    return _hash(rules.rule)


def _content(rules: Rules) -> str:
    """Return a hash of what dossiers are judged by in the rule book, whatever the version."""
    # Only what the file states, so that a rule added by a release, with its default, is no change.
    return _hash(
        rules.book.model_dump(
            mode="json", exclude={"version", "figures", "late_entry"}, exclude_unset=True
        )
    )


def _hash(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
