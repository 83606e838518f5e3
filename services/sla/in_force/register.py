"""Since when which rules are in force: one answer for every instance, and after every start.

What follows from a change of rules is said as of that time, and the time is part of its ids: what
an instance said that died before it was written down has the same ids when another says it again.
The newest entry also tells an instance with older files that others have put newer ones in force.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from services.runtime import Collection, Document
from services.sla.deciding.rules import Rules
from services.sla.toml_file import FileError


class RuleRegister:
    """What was put in force, one entry after another, in a collection. The newest one counts."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def since(self, rules: Rules) -> datetime | None:
        """Since when they have been in force; None if others are, or none."""
        newest = await self._newest()
        return newest["since"] if newest and newest["rules"] == _mark(rules) else None

    async def enter(self, rules: Rules, now: datetime) -> datetime:
        """Puts them in force from now on, if they are not; returns since when they are.

        Raises FileError if other rules were in force under the same version: what was judged by
        those could not be told from what is judged by these.
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
                # Two changes never have one time, whatever the clock does.
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
                continue  # another instance was first: with the same rules, most likely
            return now

    async def _newest(self) -> Document | None:
        return await self._collection.find_one(sort=[("_id", DESCENDING)])


def _mark(rules: Rules) -> str:
    """Names what stands beside the deadlines of every procedure, known ones and others."""
    return _hash({code: rules.rule(code) for code in ("", *rules.catalogue.procedures)})


def _content(rules: Rules) -> str:
    """Names what of the rule book a dossier is judged by, whatever the version says."""
    # What is stated, so that a rule which a release adds with a default is no change of the file.
    return _hash(
        rules.book.model_dump(mode="json", exclude={"version", "figures"}, exclude_unset=True)
    )


def _hash(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
