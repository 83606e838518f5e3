"""The wording of the status page, in every language. All of it is checked when the service starts.

Texts are plain: they are escaped in a page, and not in JSON.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Template, TemplateError, Undefined
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from contracts.values import Locale
from services.notify.page.text.phrase import FIELDS, Phrase

FOLDER = Path(__file__).parent / "texts"


class TextWrong(ValueError):
    """A text cannot be used. Names the file, the text and the field."""


class Texts:
    """Says things in one language."""

    def __init__(self, texts: dict[str, str | Template]) -> None:
        """Most texts have no field and need no rendering, so they cost a page nothing."""
        self._texts = texts

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all texts."""
        return frozenset(self._texts)

    def __call__(self, key: str, **fields: str) -> str:
        """Return the text with that key."""
        text = self._texts[key]
        return text if isinstance(text, str) else text.render(fields)

    def say(self, what: Phrase) -> str:
        """Return the text of a phrase."""
        return self(what.key, **what.fields)


def load_texts(needed: Iterable[str], folder: Path = FOLDER) -> dict[Locale, Texts]:
    """Return the texts of every language.

    Raise TextWrong if a needed text is missing, if a text is never used, or if one is broken or
    uses an unknown field.
    """
    needed = frozenset(needed)
    return {locale: _load(folder / f"{locale}.toml", needed) for locale in Locale}


def _load(path: Path, needed: frozenset[str]) -> Texts:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TextWrong(f"{path}: {error}") from error
    found: dict[str, str] = {}
    for section, lines in document.items():
        if not isinstance(lines, dict):
            raise TextWrong(f"{path}: {section} stands in no table")
        for name, line in lines.items():
            if not isinstance(line, str) or not line:
                raise TextWrong(f"{path}: [{section}] {name} is no text")
            found[f"{section}.{name}"] = line
    if missing := sorted(needed - set(found)):
        raise TextWrong(f"{path}: no text {', '.join(missing)}")
    if strange := sorted(set(found) - needed):
        raise TextWrong(f"{path}: nothing says {', '.join(strange)}")
    # A field that a dossier does not have is empty, so that texts can ask for it.
    environment = SandboxedEnvironment(undefined=Undefined, autoescape=False)
    made: dict[str, str | Template] = {}
    for key, line in found.items():
        try:
            compiled = environment.from_string(line)
            used = find_undeclared_variables(environment.parse(line))
        except TemplateError as error:
            raise TextWrong(f"{path}: {key}: {error}") from error
        if unknown := sorted(used - FIELDS):
            known = ", ".join(sorted(FIELDS))
            raise TextWrong(f"{path}: {key}: no field {', '.join(unknown)}; there are {known}")
        made[key] = compiled if used else compiled.render()
    return Texts(made)
