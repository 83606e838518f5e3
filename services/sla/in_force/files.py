"""The files of rules and calendars: read as a whole, and again when they have changed."""

from __future__ import annotations

from pathlib import Path

from contracts.catalogue import Catalogue
from services.shared.rulebook.book import RuleBook
from services.shared.toml_file import read_toml
from services.shared.working_time import load_calendars
from services.sla.deciding.rules import Rules
from services.sla.settings import SlaSettings


class RuleFiles:
    """Two folders of TOML files, as they were at the last look."""

    def __init__(self, settings: SlaSettings, catalogue: Catalogue) -> None:
        self._calendars = settings.calendars
        self._rules = settings.rules
        self._catalogue = catalogue
        self._seen: dict[Path, bytes] | None = None

    def read(self) -> Rules:
        """Return the rules in the files. Raise FileError, naming file and place of every fault."""
        # Not through `load_rule_book`, which keeps what it has loaded.
        book, _ = read_toml(self._rules / "rules.toml", RuleBook)
        return Rules(self._catalogue, load_calendars(self._calendars), book)

    def read_changed(self) -> Rules | None:
        """Return the rules in the files; None if the files have not changed since the last look.

        Raise FileError as `read` does, but only once for each change. Reads and parses files: not
        for the event loop.
        """
        found = self._contents()
        if found == self._seen:
            return None
        # A change between this look and the reading shows at the next look.
        self._seen = found
        return self.read()

    def _contents(self) -> dict[Path, bytes]:
        """Return the contents of all files: some kilobytes, so no file times need to be trusted."""
        found: dict[Path, bytes] = {}
        for folder in {self._calendars, self._rules}:
            for path in folder.glob("*.toml"):
                try:
                    found[path] = path.read_bytes()
                except OSError as error:
                    # Gone since the listing, or not readable for us: `read` says what is wrong.
                    found[path] = repr(error).encode()
        return found
