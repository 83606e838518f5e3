"""How many examples a property is tried with: few in `make test`, ten times as many in
`make test-long`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

SIZES = {"short": 40, "long": 400}
"""Examples of an ordinary property, by the name of the profile."""

for _name, _examples in SIZES.items():
    # How long an example takes says something of the machine alone.
    settings.register_profile(
        _name,
        deadline=None,
        max_examples=_examples,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )


def examples(share: float) -> settings:
    """Settings for a property that needs another number of examples: a share of the ordinary."""
    return settings(max_examples=max(1, round(settings().max_examples * share)))


def is_long() -> bool:
    """Whether this is `make test-long`."""
    return settings().max_examples >= SIZES["long"]


def seeds(number: int) -> list[int]:
    """Seeds for what takes long: one in `make test`, this number of them in `make test-long`."""
    return list(range(1, number + 1 if is_long() else 2))
