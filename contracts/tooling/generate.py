"""Writes the JSON Schemas and the AsyncAPI document, or says which of them are out of date.

``python -m contracts.tooling.generate`` writes them; with ``--check`` it only compares.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.tooling.asyncapi import document
from contracts.tooling.compatibility import breaking_changes
from contracts.tooling.json_schemas import generated_schemas, kept_files

ROOT = Path(__file__).parents[1]
REMEDY = "run `make contracts` and commit what it writes"


def rendered(content: dict[str, Any]) -> str:
    """Return a document as its file has it: readable, Vietnamese unescaped, one final newline."""
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def generated_files() -> dict[str, str]:
    """Return every generated file's text, by its path below `contracts`."""
    files = {f"schemas/{name}": rendered(schema) for name, schema in generated_schemas().items()}
    files["asyncapi.json"] = rendered(document())
    return files


def write(root: Path = ROOT) -> list[str]:
    """Write the files that differ; return their paths. Delete nothing: schemas are kept."""
    changed = []
    for path, text in generated_files().items():
        target = root / path
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def drift(root: Path = ROOT) -> list[str]:
    """Return what is out of date, each line with the file and the remedy."""
    files = generated_files()
    complaints: list[str] = []
    broken: dict[str, Any] = {}
    for path, text in files.items():
        target = root / path
        if not target.exists():
            complaints.append(f"{path}: missing: {REMEDY}")
        elif (found := target.read_text(encoding="utf-8")) != text:
            complaints.append(f"{path}: out of step with its class: {REMEDY}")
            if path.startswith("schemas/"):
                broken[Path(path).name] = _parsed(found)
    kept = kept_files()
    complaints += [
        f"schemas/{name}: missing: the log still holds this version: restore the file"
        for name in sorted(kept)
        if not (root / "schemas" / name).exists()
    ]
    complaints += [
        f"schemas/{stray.name}: no class writes this version and no upcaster reads it: "
        "name its step in contracts/wire/upcasters.py"
        for stray in sorted((root / "schemas").glob("*.json"))
        if f"schemas/{stray.name}" not in files and stray.name not in kept
    ]
    # A committed schema that does not fit its class any more must not simply be rewritten.
    old = {name: schema for name, schema in broken.items() if schema is not None}
    complaints += breaking_changes(old, generated_schemas())
    return complaints


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None  # that it is out of date is reported already


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m contracts.tooling.generate", description=__doc__
    )
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    if parser.parse_args(argv).check:
        complaints = drift()
        sys.stderr.writelines(f"contracts/{line}\n" for line in complaints)
        return 1 if complaints else 0
    sys.stdout.writelines(f"wrote contracts/{path}\n" for path in write())
    return 0


if __name__ == "__main__":
    sys.exit(main())
