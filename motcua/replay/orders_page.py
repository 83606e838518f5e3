"""``motcua replay --orders N``: whether the same comes of a recording in any permitted order."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from motcua.replay.order import order_of
from motcua.replay.orders import at_once, leave, narrowed, unlike
from motcua.replay.recording import Recording


def check_orders(recording: Recording, count: int, seed: int, console: Console) -> bool:
    """Try orders, say what was found, and return whether all come to the same.

    The first that does not ends it, and leaves a recording and a failing test in the current
    folder.
    """
    with console.status("replaying…") as status:
        than = at_once(recording)
        for tried in range(count):
            status.update(f"order {tried + 1} of {count}…")
            found = unlike(recording, order_of(seed + tried), than)
            if found is None:
                continue
            status.update("looking for the least of it…")
            less, least = narrowed(recording, found)
            test = leave(Path.cwd(), less, least)
            console.print(Text(f"order {seed + tried}: {found}", style="red"))
            console.print(Text(f"the calmest: {least}"))
            console.print(Text(f"{test.name} shows it; again: --orders 1 --seed {seed + tried}"))
            return False
    console.print(
        f"the same in {count} orders: {than.played:,} records of {len(than.outcomes):,} dossiers; "
        f"states {than.hash[:16]}",
        highlight=False,
    )
    return True
