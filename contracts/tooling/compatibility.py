"""Checks that today's schemas still read everything that yesterday's allowed.

``python -m contracts.tooling.compatibility --against REV`` compares the working tree with a git
revision. Allowed within a version: a new optional field, wider bounds, more values; and at any time
a new type or a new version. Everything else needs a new version with an upcaster.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from contracts.tooling.json_schemas import Schema, current_schemas, name_and_version
from contracts.tooling.schema_changes import narrowings

_ROOT = Path(__file__).parents[2]
_FOLDER = "contracts/schemas"


def breaking_changes(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """Return each breaking change between two sets of schemas by file name, with its remedy."""
    found: list[str] = []
    for file in sorted(old):
        versioned = name_and_version(file)
        label = file.removesuffix(".json")
        if file not in new:
            found.append(
                f"{label}: its schema is gone, but the log still holds it: restore the file; "
                "a version that is written no more keeps its schema and needs an upcaster"
            )
            continue
        remedy = (
            f"make it version {versioned[1] + 1} with an upcaster"
            if versioned
            else "it has no version, so it can only be widened: take the change back"
        )
        found += [f"{label}: {change}: {remedy}" for change in narrowings(old[file], new[file])]
    return found


def committed_schemas(revision: str, root: Path = _ROOT) -> dict[str, Schema]:
    """Return the schemas at a git revision, by file name. Raise ValueError if git fails."""
    listed = _git(root, "ls-tree", "-r", "--name-only", revision, "--", _FOLDER)
    return {
        Path(path).name: json.loads(_git(root, "show", f"{revision}:./{path}"))
        for path in listed.splitlines()
        if path.endswith(".json")
    }


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ("git", *arguments), cwd=root, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise ValueError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 for a breaking change, 2 if git does not know the revision."""
    parser = argparse.ArgumentParser(
        prog="python -m contracts.tooling.compatibility", description=__doc__
    )
    parser.add_argument("--against", default="HEAD", metavar="REV", help="default: HEAD")
    revision = parser.parse_args(argv).against
    try:
        old = committed_schemas(revision)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    complaints = breaking_changes(old, current_schemas())
    sys.stderr.writelines(f"{line}\n" for line in complaints)
    sys.stdout.write(f"{len(old)} schemas of {revision} compared\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
