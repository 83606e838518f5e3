"""Render a message's text from its template. All templates are checked when the service starts."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Template, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.catalogue import Catalogue
from contracts.values import Locale
from contracts.visible import shown
from services.notify.wording import samples
from services.notify.wording.readable import readable
from services.notify.wording.template import FOR_OFFICERS, OF_NO_DOSSIER
from services.notify.wording.template_check import UnknownField, check_template

TEMPLATES = Path(__file__).parent / "templates"

ONE_TIME_CODE = "one_time_code"
"""The field of a code that proves an address. It stands in no message on the log."""
FIELDS = frozenset(
    {
        "code",
        "procedure_name",
        "unit_name",
        "unit_address",
        "due",
        "previous",
        "new_due",
        "until",
        "cause",
        "reason",
        "documents",
        "amount",
        "outcome",
        "channel",
        "status",
        "exempt",
        "again",
        "apologised",
        "delegated",
        "alert",
        "items",
        "count",
        "more",
        "link",
        ONE_TIME_CODE,
    }
)
"""The fields that a template may use; one that a message lacks is empty. Each of `items` has `at`
and `text`; for heads and officers, `dossier`, `procedure_name` and `text`."""

_PARTS = ("subject", "body", "short")
_ITEM = "item"
_OF_A_DOSSIER = {"dossier": samples.CODE, "procedure_name": "procedure", "text": "text"}


class TemplateWrong(ValueError):
    """A template cannot be used. Names the file, the template and the field."""


@dataclass(frozen=True)
class RenderedMessage:
    """A message as it is sent."""

    subject: str
    body: str
    short: str
    """The whole message for a phone: a line, or a list whose newest item is last."""
    version: str
    """The version of the templates that it was made from."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Parts(_Strict):
    subject: str = Field(min_length=1)
    body: str = Field(min_length=1)
    short: str = Field(min_length=1)
    item: str | None = Field(default=None, min_length=1)


class _Frame(_Strict):
    greeting: str
    footer: str
    closing: str


class _File(_Strict):
    version: str = Field(min_length=1, max_length=40)
    frame: _Frame
    alerts: dict[str, str]
    templates: dict[str, _Parts]


class Renderer:
    """Renders every template in every language."""

    def __init__(
        self,
        catalogue: Catalogue,
        folder: Path = TEMPLATES,
        link: Callable[[str], str] = lambda _: "",
        own: Mapping[str, str] | None = None,
    ) -> None:
        """`link` returns a dossier's address on the status page, or an empty string. `own`: the
        city's wording, by file (``texts.vi.toml``), each text over that of the folder.

        Raise TemplateWrong if a template is missing, broken, uses an unknown field, or cannot be
        rendered with some parameters.
        """
        self._catalogue = catalogue
        self._link = link
        # A text is no HTML: nothing here is escaped, and nothing made here is put into a page.
        self._environment = SandboxedEnvironment(undefined=UnknownField, autoescape=False)
        self._files = {locale: _read(folder / f"{locale}.toml", own or {}) for locale in Locale}
        names = {locale: set(file.templates) for locale, file in self._files.items()}
        for locale, found in names.items():
            if missing := set().union(*names.values()) - found:
                raise TemplateWrong(f"{locale}.toml has no template {', '.join(sorted(missing))}")
        self._compiled: dict[tuple[str, str, str], Template] = {}
        for locale, file in self._files.items():
            made_up = self._values(locale, samples.CODE, "", samples.PARAMS)
            for_citizens, for_heads = (
                {**{name: value or name for name, value in made_up.items()}, "items": [item, item]}
                for item in ({"at": made_up["due"], "text": "text"}, _OF_A_DOSSIER)
            )
            self._compile(locale, "frame", "footer", file.frame.footer, {"link": "link"})
            for kind, said in file.alerts.items():
                self._compile(locale, "alerts", kind, said, {"due": made_up["due"]})
            for name, parts in file.templates.items():
                full = for_heads if name in FOR_OFFICERS else for_citizens
                for part in _PARTS:
                    self._compile(locale, name, part, getattr(parts, part), full)
                if parts.item is not None:
                    self._compile(locale, name, _ITEM, parts.item, full)

    @property
    def templates(self) -> tuple[str, ...]:
        """The names of all templates."""
        return tuple(sorted(self._files[Locale.VI].templates))

    def render(
        self, template: str, locale: str, code: str, params: Mapping[str, str]
    ) -> RenderedMessage:
        """Return the message about the dossier (or a unit's morning) with that code.

        Raise TemplateWrong for a template that does not exist.
        """
        language = Locale(locale)
        file = self._file_of(template, language)
        # A head has no look-up key, and neither a unit's morning nor a change has a page.
        link = "" if template in OF_NO_DOSSIER else self._link(code)
        values = self._values(language, code, link, params)
        subject, body = (
            self._compiled[language, template, part].render(values) for part in ("subject", "body")
        )
        short = self._compiled[language, template, "short"].render(_in_a_line(values))
        lines = [file.frame.greeting, body.strip()]
        if link and link not in body:  # a mail that leads there itself does not say it twice
            footer = self._compiled[language, "frame", "footer"]
            lines.append(footer.render(link=link))
        lines.append(file.frame.closing.strip())
        return RenderedMessage(
            " ".join(subject.split()),
            "\n\n".join(lines) + "\n",
            "\n".join(" ".join(line.split()) for line in short.strip().split("\n")),
            file.version,
        )

    def _file_of(self, template: str, locale: Locale) -> _File:
        file = self._files[locale]
        if template not in file.templates:
            raise TemplateWrong(f"there is no template {template!r} in {locale}.toml")
        return file

    def _values(
        self, locale: Locale, code: str, link: str, params: Mapping[str, str]
    ) -> dict[str, Any]:
        values: dict[str, Any] = dict.fromkeys(FIELDS, "")
        # What is on the log may be older than the rules for those who write it.
        params = {name: shown(value) for name, value in params.items()}
        known = {name: value for name, value in params.items() if name in FIELDS}
        values |= readable(known, locale) | {"code": code, "link": link}
        vietnamese = locale is Locale.VI
        values["procedure_name"] = self._procedure_name(locale, params.get("procedure", ""))
        values["unit_name"] = params.get("unit", "")
        if (unit := self._catalogue.units.get(params.get("unit", ""))) is not None:
            values["unit_name"] = unit.name_vi if vietnamese else unit.name_en
            values["unit_address"] = unit.address
        if "items" in params:
            items = msgspec.json.decode(params["items"])
            values["items"] = [self._item(locale, code, item) for item in items]
            more = int(params.get("count") or len(items)) - len(items)
            values["more"] = str(more) if more > 0 else ""
        return values

    def _procedure_name(self, locale: Locale, code: str) -> str:
        procedure = self._catalogue.procedures.get(code)
        if procedure is None:
            return code  # better than a gap in the sentence
        return procedure.name_vi if locale is Locale.VI else procedure.name_en

    def _item(self, locale: Locale, code: str, item: dict[str, Any]) -> dict[str, str]:
        if "template" in item:
            template = item["template"]
            part = _ITEM if self._file_of(template, locale).templates[template].item else "short"
            values = _in_a_line(self._values(locale, code, "", item["params"]))
            text = self._compiled[locale, template, part].render(values)
            at = readable({"at": item["at"]}, locale)
            return {**at, "text": " ".join(text.split())}
        alerts = (self._alert(locale, alert) for alert in (item, *item.get("also", ())))
        return {
            "dossier": item["dossier"],
            "procedure_name": self._procedure_name(locale, item.get("procedure", "")),
            "text": "; ".join(alerts),
        }

    def _alert(self, locale: Locale, alert: dict[str, str]) -> str:
        said = self._compiled.get((locale, "alerts", alert["kind"]))
        return said.render(readable({"due": alert["due"]}, locale)) if said else alert["kind"]

    def _compile(
        self, locale: str, name: str, part: str, source: str, full: Mapping[str, Any]
    ) -> None:
        """Compile and check a part; `full` has a value for each field that it may use."""
        where = f"{locale}.toml [{name}] {part}"
        try:
            # Compiling finds what parsing misses: unknown filters.
            template = self._environment.from_string(source)
            parsed = self._environment.parse(source)
            used = find_undeclared_variables(parsed)
        except TemplateError as error:
            raise TemplateWrong(f"{where}: {error}") from error
        if unknown := used - full.keys():
            known = ", ".join(sorted(full))
            raise TemplateWrong(
                f"{where}: no field {', '.join(sorted(unknown))}; there are {known}"
            )
        try:
            check_template(template, parsed, full)
        except Exception as error:  # a template is a program: it may fail in any way
            raise TemplateWrong(f"{where}: {error}") from error
        self._compiled[locale, name, part] = template


def _in_a_line(values: Mapping[str, Any]) -> dict[str, Any]:
    """Join the lines of each text: in a one-line message, a new line could begin an item."""
    return {
        name: " ".join(value.split()) if isinstance(value, str) else value
        for name, value in values.items()
    }


def _read(path: Path, own: Mapping[str, str]) -> _File:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        if (text := own.get(f"texts.{path.name}")) is not None:
            path = Path(f"texts.{path.name}")  # the product's own texts are known to be right
            tables = _over(tables, tomllib.loads(text))
        return _File.model_validate(tables)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TemplateWrong(f"{path}: {error}") from error
    except ValidationError as error:
        faults = [f"[{'.'.join(map(str, e['loc']))}] {e['msg']}" for e in error.errors()]
        raise TemplateWrong(f"{path}: {'; '.join(faults)}") from error


def _over(texts: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the texts, each replaced by the city's own if there is one."""
    return texts | {
        name: _over(texts[name], said)
        if isinstance(said, dict) and isinstance(texts.get(name), dict)
        else said
        for name, said in own.items()
    }
