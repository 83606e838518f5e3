"""The files of rules and calendars: read as a whole, and again when they have changed."""

from __future__ import annotations

from pathlib import Path

from contracts.catalogue import Catalogue
from services.sla.deciding.rules import Rules
from services.sla.rulebook.book import RuleBook
from services.sla.settings import SlaSettings
from services.sla.toml_file import read_toml
from services.sla.working_time import load_calendars


class RuleFiles:
    """Two folders of TOML files, as they were when they were last looked at."""

    def __init__(self, settings: SlaSettings, catalogue: Catalogue) -> None:
        self._calendars = settings.calendars
        self._rules = settings.rules
        self._catalogue = catalogue
        self._seen: dict[Path, bytes] | None = None

    def read(self) -> Rules:
        """The rules in the files. Raises FileError, naming file and place of every fault."""
        # Not by way of what was loaded once and kept.
        book, _ = read_toml(self._rules / "rules.toml", RuleBook)
        return Rules(self._catalogue, load_calendars(self._calendars), book)

    def read_changed(self) -> Rules | None:
        """The rules in the files; None if the files are as they were at the last look.

        Raises FileError as `read` does, and then not again before they have changed once more.
        Reads and parses: not for the event loop.
        """
        found = self._contents()
        if found == self._seen:
            return None
        # What is written between this look and the reading shows as a change at the next look.
        self._seen = found
        return self.read()

    def _contents(self) -> dict[Path, bytes]:
        """All of it: some kilobytes, and no file system's times need to be trusted."""
        found: dict[Path, bytes] = {}
        for folder in {self._calendars, self._rules}:
            for path in folder.glob("*.toml"):
                try:
                    found[path] = path.read_bytes()
                except OSError as error:
                    # Gone between two looks, or not for us to read: `read` says what is wrong.
                    found[path] = repr(error).encode()
        return found
