"""Reads a set of rules, checks all of it, and says what must not change from set to set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contracts.rules import Files, RulesError, read_files
from services.notify.wording.renderer import Renderer, TemplateWrong
from services.shared.city import City, read_city


def read_folder(folder: Path) -> tuple[Files, City]:
    """Return the files of a folder and what they say. Raise RulesError with a line per fault."""
    files = read_files(folder)
    return files, checked(files)


def checked(files: Files) -> City:
    """Return what the files say, wording included. Raise RulesError with a line per fault."""
    city = read_city(files)
    try:
        Renderer(city.catalogue, own=city.texts)
    except TemplateWrong as error:
        raise RulesError(str(error)) from error
    return city


def breaks(before: Files, after: Files) -> list[str]:
    """Return what the later set changes that open dossiers hold on to, each with a remedy."""
    old, new = read_city(before), read_city(after)
    found = list(_broken_workflows(old, new))
    found += [
        f"units.toml: {code} is gone: leave it there, with its last day (until) and its successor, "
        "who takes its open dossiers over"
        for code in old.catalogue.units
        if code not in new.catalogue.units
    ]
    if old.book != new.book and old.book.version == new.book.version:
        # The version stands beside every deadline.
        found.append(
            f"rules.toml: the rules were changed and still have the version {new.book.version!r}: "
            "give them another"
        )
    return found


def _broken_workflows(old: City, new: City) -> Iterator[str]:
    for ref, workflow in old.catalogue.workflows.items():
        now = new.catalogue.workflows.get(ref)
        where = f"workflows.toml: {ref.id} version {ref.version}"
        if now is None:
            yield f"{where} is gone: open dossiers go through it; leave it there"
        elif now.steps != workflow.steps:
            yield f"{where} was changed: a version never changes; add version {ref.version + 1}"
