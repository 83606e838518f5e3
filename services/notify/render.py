"""Makes a message's text from its template. All templates are checked when the service starts."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from contracts.catalogue import Catalogue
from contracts.values import Locale

TEMPLATES = Path(__file__).parent / "templates"

FIELDS = frozenset(
    {
        "code",
        "procedure_name",
        "unit_name",
        "due",
        "reason",
        "documents",
        "amount",
        "outcome",
    }
)
"""What a template may use."""


class TemplateWrong(ValueError):
    """A template cannot be used. Names the file, the template and the field."""


@dataclass(frozen=True)
class Text:
    """A message as it is sent."""

    subject: str
    body: str


class Renderer:
    """Renders every template in every language."""

    def __init__(self, catalogue: Catalogue, folder: Path = TEMPLATES) -> None:
        """Raises TemplateWrong if a template is missing, broken, or uses an unknown field."""
        self._catalogue = catalogue
        self._environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        self._sources = {locale: _read(folder / f"{locale}.toml") for locale in Locale}
        names = {locale: set(found) for locale, found in self._sources.items()}
        for locale, found in names.items():
            if missing := set().union(*names.values()) - found:
                raise TemplateWrong(f"{locale}.toml has no template {', '.join(sorted(missing))}")
        for locale, sources in self._sources.items():
            for name, parts in sources.items():
                for part, source in parts.items():
                    self._check(f"{locale}.toml [{name}] {part}", source)

    def render(self, template: str, locale: str, code: str, params: Mapping[str, str]) -> Text:
        """The message. Raises TemplateWrong for a template that does not exist."""
        if template not in self._sources[Locale(locale)]:
            raise TemplateWrong(f"there is no template {template!r} in {locale}.toml")
        parts = self._sources[Locale(locale)][template]
        values = self._values(locale, code, params)
        subject = self._environment.from_string(parts["subject"]).render(values)
        body = self._environment.from_string(parts["body"]).render(values)
        return Text(" ".join(subject.split()), body.strip() + "\n")

    def _values(self, locale: str, code: str, params: Mapping[str, str]) -> dict[str, str]:
        values = dict.fromkeys(FIELDS, "") | {"code": code}
        values |= {name: value for name, value in params.items() if name in FIELDS}
        vietnamese = locale == Locale.VI
        # Of what the catalogue does not have, the code is better than a gap in the sentence.
        values["procedure_name"] = params.get("procedure", "")
        values["unit_name"] = params.get("unit", "")
        if (procedure := self._catalogue.procedures.get(params.get("procedure", ""))) is not None:
            values["procedure_name"] = procedure.name_vi if vietnamese else procedure.name_en
        if (unit := self._catalogue.units.get(params.get("unit", ""))) is not None:
            values["unit_name"] = unit.name_vi if vietnamese else unit.name_en
        return values

    def _check(self, where: str, source: str) -> None:
        try:
            self._environment.from_string(source)  # finds what parsing lets by: unknown filters
            used = find_undeclared_variables(self._environment.parse(source))
        except TemplateError as error:
            raise TemplateWrong(f"{where}: {error}") from error
        if unknown := used - FIELDS:
            known = ", ".join(sorted(FIELDS))
            raise TemplateWrong(
                f"{where}: no field {', '.join(sorted(unknown))}; there are {known}"
            )


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TemplateWrong(f"{path}: {error}") from error
    for name, parts in found.items():
        if not isinstance(parts, dict):
            raise TemplateWrong(f"{path}: {name} is no template: write [{name}]")
        if strange := sorted(parts.keys() - {"subject", "body"}):
            raise TemplateWrong(f"{path}: [{name}] has a subject and a body, and no {strange[0]}")
        for part in ("subject", "body"):
            if not isinstance(parts.get(part), str):
                raise TemplateWrong(f"{path}: [{name}] has no {part}")
    return found
