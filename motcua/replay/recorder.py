"""Writes a recording: what was asked, and what the services decide on it, at its place."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from contracts.wire.envelope import Event
from motcua.deciders import all_deciders, city_deciders
from motcua.replay.aliases import Aliases
from motcua.replay.expected import is_decided
from motcua.replay.header import Header
from motcua.replay.lines import Recorded
from motcua.replay.parting import Parting
from motcua.replay.player import Player
from motcua.replay.recording import Writer
from motcua.replay.replayed import hash_of
from motcua.replay.shard import deliveries
from services.runtime import state_hash


class Recorder:
    """Takes a stream record by record, and writes it.

    Of a city's log (`guided`) all is written as it stands. With aliases only what was asked is
    taken from there, renamed; the facts are decided again, so that their ids follow from the new
    names, and stand where the old ones stood. Unguided, what is fed is all there is.
    """

    def __init__(
        self, path: Path, header: Header, *, guided: bool, aliases: Aliases | None = None
    ) -> None:
        policy = header.policy
        whole = header.selection.whole
        self._as_is = guided and aliases is None
        self._aliases = aliases
        self._writer = Writer(path, header)
        self.player = Player(
            [*(all_deciders if whole else city_deciders)(policy), *deliveries(policy)],
            header,
            guided=guided,
            aliased=aliases is not None,
            placed=None if self._as_is else self._writer.write,
        )

    @property
    def count(self) -> int:
        """The number of records that were written."""
        return self._writer.count

    def take(self, record: Recorded) -> None:
        """Take the next record."""
        if self._aliases is not None:
            # Of what was decided this is only held against what is decided now.
            event = self._aliases.event(record.event)
            event = event if is_decided(event) else self._joined(event, self._aliases)
            record = record._replace(event=event)
        if self._as_is:
            self._writer.write(record)
        self.player.play(record)

    def _joined(self, event: Event, aliases: Aliases) -> Event:
        """Return what a sender or a provider says of a message as of the one that is planned now.

        A message's id is made of its recipient: who knew the rest could try persons out on it, and
        on an id that is made of it.
        """
        if (was := getattr(event.data, "message_id", None)) is None:
            return event
        now = self.player.renamed.get(was) or aliases.hidden_id(was)
        return replace(
            event,
            id=aliases.hidden_id(event.id),
            cause=now if event.cause == was else event.cause,
            data=event.data.model_copy(update={"message_id": now}),
        )

    def end(self) -> list[Parting]:
        """Write the trailer; return where what was recorded is decided otherwise now."""
        self.player.end()
        self._writer.end(
            hash_of(
                {
                    (key, subject): state_hash(stored.state)
                    for key, states in self.player.memory.states.items()
                    for subject, stored in states.items()
                }
            )
        )
        return self.player.partings()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._writer.__exit__(kind, error, at)
