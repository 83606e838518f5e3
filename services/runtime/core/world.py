"""The world: what was broadcast, folded. Every decision is handed the world of its partition."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts.events.rules import RulesEnacted
from contracts.events.world import WorldFact
from contracts.rules.rule_set import RuleSet, sample_rules
from services.runtime.core.grants import NO_GRANTS, Grants, folded


class World(msgspec.Struct, frozen=True, eq=False):
    """What counts at a place of the log."""

    sets: tuple[RuleSet, ...]
    """The sets of rules that were enacted up to there, by number."""
    grants: Grants = NO_GRANTS
    """Who may act for whom."""

    @property
    def newest(self) -> RuleSet:
        """The set that was enacted last, in force already or not."""
        return self.sets[-1]

    def at(self, time: datetime) -> RuleSet:
        """Return the set in force at that time; the first one for a time before it."""
        for one in reversed(self.sets):
            if one.since <= time:
                return one
        return self.sets[0]

    def after(self, number: int, begun: datetime | None = None) -> RuleSet | None:
        """Return the set that comes into force next after the one of that number, or None.

        A set that a later one replaces before it comes into force is left out. `begun`: so is one
        that is replaced before that time, at which what it is asked for began.
        """

        def counts_from(one: RuleSet) -> datetime:
            return one.since if begun is None else max(one.since, begun)

        later = [one for one in self.sets if one.number > number]
        return min(later, key=lambda one: (counts_from(one), -one.number), default=None)

    def number(self, number: int) -> RuleSet:
        """Return the set of that number; 0 is the sample, which the first enacted set replaces.

        Raise LookupError if the set was not enacted here.
        """
        for one in reversed(self.sets):
            if one.number == number:
                return one
        if number == 0:
            return sample_rules()
        raise LookupError(f"set {number} was not enacted; there are {len(self.sets)}")


def first_world() -> World:
    """Return the world before anything was broadcast: the sample that the product ships."""
    return World((sample_rules(),))


def widened(world: World, data: WorldFact) -> World:
    """Return the world after what was broadcast. What is known already changes nothing.

    The first set of rules that a city enacts takes the sample's place.
    """
    if not isinstance(data, RulesEnacted):
        grants = folded(world.grants, data)
        return world if grants is world.grants else World(world.sets, grants)
    if any(one.number >= data.number for one in world.sets):
        return world
    enacted = RuleSet(data.number, data.since, data.sha256, data.files, data.by)
    return World((*(one for one in world.sets if one.number), enacted), world.grants)
