"""A set of rules: its files, whole, with the number and the time under which it was enacted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from contracts.rules.toml_text import RulesError

Files = Mapping[str, str]
"""The text of each file, by its name, e.g. ``units.toml``."""

SAMPLE = Path(__file__).parent / "sample"
"""The folder of the set that the product ships."""

FILES = (
    "procedures.toml",
    "units.toml",
    "workflows.toml",
    "competence.toml",
    "circulars.toml",
    "rules.toml",
    "office_hours.toml",
    "overrides.toml",
)
"""The files that every set has."""

TEXTS = ("texts.vi.toml", "texts.en.toml")
"""The files that a set may have: wording of its own, over that of the product."""

_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)


class RuleSet(msgspec.Struct, frozen=True, eq=False):
    """One enacted set of rules."""

    number: int
    """From 1, in the order of enactment; 0 is the sample that the product ships."""
    since: datetime
    """From when it is in force, UTC."""
    sha256: str
    files: Files
    by: str = ""
    """The officer who enacted it."""


def digest(files: Files) -> str:
    """Return the SHA-256 of the files, names included: the same for the same files anywhere."""
    text = json.dumps(dict(files), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_files(folder: Path) -> dict[str, str]:
    """Return the files of a folder. Raise RulesError naming each that is missing or unreadable.

    A file of another name than those of a set is an error: a misspelt one would have no effect.
    """
    if not folder.is_dir():
        raise RulesError(f"{folder}: there is no such folder; copy {SAMPLE} to begin with")
    found: dict[str, str] = {}
    faults: list[str] = []
    there = {path.name for path in folder.glob("*.toml")}
    faults += [f"{name}: is missing; copy the sample's" for name in FILES if name not in there]
    faults += [
        f"{name}: no set of rules has such a file; there are {', '.join((*FILES, *TEXTS))}"
        for name in sorted(there.difference(FILES, TEXTS))
    ]
    for name in sorted(there.intersection(FILES + TEXTS)):
        try:
            found[name] = (folder / name).read_text(encoding="utf-8")
        except OSError as error:
            faults.append(f"{name}: cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            faults.append(f"{name}: not UTF-8: save it with that encoding")
    if faults:
        raise RulesError("\n".join(faults))
    return found


@lru_cache(maxsize=1)
def sample_rules() -> RuleSet:
    """Return the set that the product ships, which is in force until a city enacts its own."""
    files = read_files(SAMPLE)
    return RuleSet(0, _ALWAYS, digest(files), files)
