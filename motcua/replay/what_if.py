"""What would have become of the dossiers under other rules, beside what became of them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from io import StringIO

import msgspec

from motcua.replay.outcome import DossierOutcome


class Change(msgspec.Struct):
    """What differs for the dossiers of one procedure."""

    procedure: str
    dossiers: int = 0
    dates: int = 0
    """Of how many the due time is another one."""
    alerts_gone: int = 0
    alerts_new: int = 0
    letters: int = 0
    """How many more letters there are; fewer are negative."""
    messages_gone: int = 0
    messages_new: int = 0

    @property
    def differs(self) -> bool:
        """Whether anything would be otherwise."""
        return any(getattr(self, name) for name in self.__struct_fields__[2:])


def changes(
    before: Mapping[str, DossierOutcome], after: Mapping[str, DossierOutcome]
) -> list[Change]:
    """Return what differs, by procedure. Only what was not taken back counts."""
    found: dict[str, Change] = {}
    for code in sorted(before.keys() | after.keys()):
        was, now = before.get(code), after.get(code)
        known = was or now
        assert known is not None
        change = found.setdefault(known.procedure, Change(known.procedure))
        change.dossiers += 1
        change.dates += (was and was.due) != (now and now.due)
        gone, new = _differing(_alerts(was), _alerts(now))
        change.alerts_gone += gone
        change.alerts_new += new
        change.letters += (now.letters if now else 0) - (was.letters if was else 0)
        gone, new = _differing(_messages(was), _messages(now))
        change.messages_gone += gone
        change.messages_new += new
    return [found[procedure] for procedure in sorted(found)]


def as_csv(changed: list[Change]) -> str:
    """Return a table of changes as CSV, with a line of names."""
    out = StringIO()
    writer = csv.writer(out)
    names = Change.__struct_fields__
    writer.writerow(names)
    writer.writerows([getattr(one, name) for name in names] for one in changed)
    return out.getvalue()


def _alerts(of: DossierOutcome | None) -> Counter[tuple[str, ...]]:
    return Counter((a.kind, a.about) for a in (of.alerts if of else ()) if a.stands)


def _messages(of: DossierOutcome | None) -> Counter[tuple[str, ...]]:
    return Counter(
        (m.template, m.channel, m.audience) for m in (of.messages if of else ()) if m.stands
    )


def _differing(
    before: Counter[tuple[str, ...]], after: Counter[tuple[str, ...]]
) -> tuple[int, int]:
    return (before - after).total(), (after - before).total()
