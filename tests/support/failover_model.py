"""By the rules alone, without the code that is tested: who takes each message, and when."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from statistics import median

from tests.support.failover import FIRST, PUT_OFF, RETRY_AFTER, SECOND, Town


class Model:
    """The rules as an operator would tell them, over a list of all that ever happened."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.seen: dict[str, list[tuple[int, str, int]]] = {FIRST: [], SECOND: []}
        """Of each gateway: when an attempt ended, how (yes, no, silent), and how long it took."""
        self.since_yes: dict[str, list[str]] = {FIRST: [], SECOND: []}
        self.fails: set[str] = set()
        self.next_look = dict.fromkeys((FIRST, SECOND), 0)
        self.left_alone = dict.fromkeys((FIRST, SECOND), 0)
        self.bound: dict[str, str] = {}
        """Which gateway may have a message already."""
        self.put_off: set[str] = set()
        """What was tried in vain: what becomes of it then may be for what it is."""
        self.log: list[tuple[str, str, int]] = []

    def lately(self, name: str, now: int) -> list[tuple[str, int]]:
        """What is remembered: of the last minute, a hundred attempts at the most."""
        return [(said, took) for at, said, took in self.seen[name][-100:] if at >= now - 60]

    def ended(self, name: str, said: str, took: int, now: int) -> None:
        """An attempt came to its end."""
        if said == "yes":
            if name in self.fails or self.silent(name):
                self.seen[name].clear()  # well again: what was before says nothing any more
            self.since_yes[name].clear()
            self.fails.discard(name)
        else:
            self.since_yes[name].append(said)
        self.seen[name].append((now, said, took))
        refused = [said == "no" for said, _ in self.lately(name, now)]
        half = len(refused) >= 20 and sum(refused) >= len(refused) / 2
        if said == "no" and (half or self.since_yes[name].count("no") >= 5):
            self.fails.add(name)
        if name in self.fails:
            self.next_look[name] = now + 10

    def silent(self, name: str) -> bool:
        """Whether five were not answered in time since its last answer."""
        return self.since_yes[name].count("silent") >= 5

    def slow(self, name: str, now: int) -> bool:
        """Whether half of the latest took longer than five seconds."""
        took = [took for said, took in self.lately(name, now) if said != "no"]
        return bool(took) and median(took) > 5

    def looks(self, name: str, now: int) -> bool:
        """One message in ten seconds may find out how a gateway does."""
        if self.next_look[name] > now:
            return False
        self.next_look[name] = now + 10
        return True

    def who(self, now: int, without: Collection[str] = ()) -> str | None:
        """Who takes a new message."""
        names = [n for n in (FIRST, SECOND) if n not in without and self.left_alone[n] <= now]
        for name in names:
            if name in self.fails:
                if self.looks(name, now):
                    return name
                continue
            others = [n for n in names if n != name and n not in self.fails]
            for other in others if self.slow(name, now) or self.silent(name) else ():
                answers = sum(said == "yes" for said, _ in self.lately(other, now))
                known = answers >= (1 if self.silent(name) else 3) and not self.slow(other, now)
                if known and "silent" not in self.since_yes[other]:
                    return name if self.looks(name, now) else other
                if self.silent(name) and self.looks(other, now):
                    return other
            return name
        return None

    def opens(self, now: int) -> int:
        """Seconds until anybody can be asked."""
        times = [
            max(self.left_alone[n], self.next_look[n] if n in self.fails else 0)
            for n in (FIRST, SECOND)
        ]
        return max(0, min(times) - now)

    def works(self) -> None:
        """Through the month."""
        now = 0
        waiting = [(at, number, key) for number, (at, key) in enumerate(self.town.messages)]
        while waiting:
            at, number, key = heapq.heappop(waiting)
            now = max(now, at)
            if wait := self.opens(now):
                heapq.heappush(waiting, (now + wait, number, key))
                continue
            now, again = self.tried(key, now)
            if again is not None:
                heapq.heappush(waiting, (again, number, key))

    def tried(self, key: str, now: int) -> tuple[int, int | None]:
        """Now, after the message was tried; and when it is tried again, if it is."""
        without: set[str] = set()
        name = self.bound.get(key) or self.who(now)
        longest = PUT_OFF
        while name is not None:
            said, took = self.town.answer(name, key, now)
            now += took
            again, lost = key in self.put_off, self.fails == {FIRST, SECOND}
            if said == "yes":
                if lost or not again:
                    self.ended(name, "yes", took, now)
                self.log.append((key, name, now))
                return now, None
            if said not in ("no", "later"):
                self.bound[key] = name
                silent = said.startswith("silent")
                if not again or (lost and silent):
                    self.ended(name, "silent" if silent else "no", took, now)
                self.put_off.add(key)
                return now, now + PUT_OFF
            if said == "no" and not again:
                self.ended(name, "no", took, now)
            if said == "later":
                self.left_alone[name] = max(self.left_alone[name], now + RETRY_AFTER)
            longest = RETRY_AFTER if said == "later" else PUT_OFF
            without.add(name)
            name = None if key in self.bound else self.who(now, without)
        self.put_off.add(key)
        return now, now + longest
