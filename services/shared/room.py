"""How large one dossier may become by what is asked about it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from contracts.events.refusals import RefusalReason
from contracts.wire.envelope import Event
from services.shared.lifecycle import Tracked
from services.shared.refused import Refused

MOST_PAPERS = 100
"""The most papers that one request may name."""
_LARGE = 2_097_152
"""Bytes of a state from which on only short requests are taken: a quarter of what the engine has
kept of one subject."""
_SHORT = 1_000
"""Bytes of a request that a large dossier still takes, so that it can be brought to its end."""
_FEW = 50
"""With up to this number of entries in all its lists, a state is not measured: it is small."""

_encode = msgspec.msgpack.Encoder().encode


def too_many_papers(papers: Sequence[str]) -> str | None:
    """Return why a request cannot name so many papers, or None."""
    if len(papers) <= MOST_PAPERS:
        return None
    return f"names {len(papers)} papers; one request names {MOST_PAPERS} at most"


def check_papers(papers: Sequence[str]) -> None:
    """Raise Refused for a request that names too many papers."""
    if (why := too_many_papers(papers)) is not None:
        raise Refused(RefusalReason.TOO_LARGE, f"documents: {why}")


def check_room(state: Tracked, request: Event) -> None:
    """Raise Refused for a long request about a dossier that is large already."""
    lists = (getattr(state, name) for name in state.__struct_fields__)
    if sum(len(each) for each in lists if type(each) is tuple) <= _FEW:
        return
    if (size := len(_encode(state))) <= _LARGE:
        return
    if (said := len(request.data.model_dump_json().encode())) > _SHORT:
        raise Refused(
            RefusalReason.TOO_LARGE,
            f"the dossier has {size} bytes already; from {_LARGE} on, a request may have {_SHORT}, "
            f"and this one has {said}: say it in fewer words",
        )
