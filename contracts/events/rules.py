"""The record that puts a city's set of rules in force."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.model import EventData, Kind
from contracts.personal import Personal
from contracts.values import Instant, Label, OfficerId

RulesText = Annotated[str, Personal.RULES]


class RulesEnacted(EventData, kind=Kind.FACT, owner="rules"):
    """A set of rules is in force from a time on. It has all of the set's files, whole.

    It is a broadcast record: the same record stands in every partition, and in each it is at a
    definite place between the dossiers' own records. All copies are written in one transaction, so
    they are there together or not at all. It belongs to no dossier: its subject is ``rules``.
    """

    number: Annotated[int, Field(ge=1)]
    """Its number in the order of enactment, without gaps."""
    since: Instant
    """From when it is in force. Of the sets that are in force by then, the highest number counts.
    The first set counts for earlier times too."""
    sha256: Annotated[Label, Field(pattern=r"^[0-9a-f]{64}$")]
    """The hash of its files."""
    files: dict[Label, RulesText]
    """The text of each file, by its name."""
    by: OfficerId
    """The officer who enacted it."""


RULES_SUBJECT = "rules"
