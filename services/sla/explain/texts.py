"""The texts that explanations are made of, from ``texts/vi.toml`` and ``texts/en.toml``.

This module lists the fields of each text. All texts are checked when they are read: a missing text,
an unused one, or one with a field that it is not given, stops the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.events.sla import AlertKind, ExemptionGround, TimeUnit
from contracts.rules.toml_text import RulesError, parse_toml
from contracts.values import Locale
from services.sla.clock.segments import Account, Reason

TEXTS = Path(__file__).parent / "texts"
"""The texts that come with the product."""

SENTENCES: Mapping[str, str] = {
    "day": "weekday #day month #year",
    "days-from-to": "first last",
    "time": "#hour #minute",
    "time-to-the-second": "#hour #minute #second",
    "moment": "time day",
    "unit": "name code",
    "named-day": "name day",
    "form": "name number circular",
    "headline-due": "due left",
    "headline-stopped": "reason left",
    "headline-overdue": "working since",
    "headline-in-time": "ended",
    "headline-late": "ended working since",
    "unjudged-no-promise": "code",
    "unjudged-no-calendar": "code",
    "reception": "code procedure procedure_code unit at",
    "competent": "unit",
    "hours": "unit hours",
    "standard": "budget source",
    "standard-without-source": "budget",
    "standard-unknown": "budget",
    "promised-date": "due",
    "promised-date-source": "source",
    "reading-working-hours": "budget total",
    "reading-eight-hours": "budget total",
    "reading-same-time": "budget total",
    "reading-end-of-day": "budget total",
    "reading-calendar-closing": "budget total",
    "reading-calendar-midnight": "budget total",
    "last-day-off": "last next",
    "span": "first last",
    "span-of-a-day": "day",
    "no-days-off": "span",
    "holidays": "span days",
    "weekends": "span count days",
    "weekends-many": "span count",
    "make-ups": "span days",
    "original": "due",
    "pause-supplement": "begin end unit",
    "pause-payment": "begin end unit",
    "pause-stopped": "begin end unit",
    "pause-supplement-lasts": "begin at unit",
    "pause-payment-lasts": "begin at unit",
    "pause-stopped-lasts": "begin at unit",
    "given-back": "office before after",
    "given-nothing": "office after",
    "given-nothing-late": "after",
    "handed-over": "at unit",
    "handed-over-moved": "before after",
    "handed-over-same": "",
    "handed-over-day": "",
    "consulted": "at authority due",
    "consulted-answered": "authority answered",
    "consulted-answered-late": "authority answered",
    "consulted-open": "at authority",
    "consulted-open-late": "at authority",
    "consulted-never": "authority",
    "letter": "at form previous due",
    "letter-without-date": "at form",
    "letter-in-time": "",
    "letter-not-in-time": "",
    "letter-extends": "added",
    "letter-moves": "before after",
    "letter-too-late": "",
    "letter-once": "most",
    "letter-no-move": "",
    "foreseen": "at reason",
    "exempt": "at ground reason",
    "repeated": "at times allowed",
    "step-late": "step budget due",
    "processed": "at",
    "withdrawn": "at",
    "used": "at used budget left",
    "used-up": "at used budget over",
    "retracted-moved": "alert at",
    "retracted-not-reached": "alert at",
    "retracted-exempt": "alert at",
    "retracted-kept": "alert at",
    "retracted-stands-again": "alert at",
    "letter-by": "form at",
    "letter-missing": "form by at",
    "rule": "rules calendar",
    "forecast": "#year",
    "rule-differs": "told applied",
    "due-original": "due",
    "due-moved": "due original",
    "stopped": "left original",
    "stopped-overdue": "since at working days",
    "overdue": "due at working days",
    "ended-in-time": "due ended",
    "ended-standing": "ended",
    "ended-late": "due ended working days",
}
"""Each sentence, or part of one, with the fields that it may use; ``#`` marks a number."""

COUNTED = ("hours", "minutes", "seconds", "days", "times", *TimeUnit)
"""Things that are counted; each has a text for one and a text for any other number."""

WORDS = (
    *("and", "title", "known-at", "why", *Reason, *Account, *ExemptionGround, *AlertKind),
    # the drawing
    *("dossier", "days-off", "projected", "late", "holiday", "weekend", "limit", "ask"),
    *("received", "now", "ended", "original", "due", "letter", "handed-over", "overdue-since"),
    # the table
    *("from", "to", "still", "reason", "account", "place", "elapsed", "used", "total"),
    *("beside", "budget"),
)
"""Words that stand alone."""

_One = Annotated[str, Field(min_length=1)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    weekdays: tuple[_One, ...] = Field(min_length=7, max_length=7)
    months: tuple[_One, ...] = Field(min_length=12, max_length=12)
    sentences: dict[str, _One]
    counted: dict[str, tuple[_One, _One]]
    words: dict[str, _One]


def clean(text: str) -> str:
    """Return the text with spaces for control characters, which no page should obey."""
    return "".join(each if each.isprintable() else " " for each in text)


@dataclass(frozen=True)
class Texts:
    """All texts of one language."""

    locale: Locale
    weekdays: tuple[str, ...]
    """Starting with Monday."""
    months: tuple[str, ...]
    _sentences: Mapping[str, str]
    _counted: Mapping[str, tuple[str, str]]
    _words: Mapping[str, str]

    def say(self, sentence: str, **fields: object) -> str:
        """Return the sentence with its fields filled in; `fields` must be exactly its fields."""
        assert fields.keys() == _FIELDS[sentence].keys(), sentence
        return self._sentences[sentence].format_map(
            {
                name: clean(value) if isinstance(value, str) else value
                for name, value in fields.items()
            }
        )

    def counted(self, what: str, count: int) -> str:
        """Return the text for this count of something."""
        one, many = self._counted[what]
        return (one if count == 1 else many).format(count=count)

    def word(self, name: str) -> str:
        """Return a word, or a few, that stand alone."""
        return self._words[name]


def load_texts(folder: Path = TEXTS) -> Mapping[Locale, Texts]:
    """Return the texts of every language. Raise RulesError, naming each file and text at fault."""
    return {locale: _read(locale, folder / f"{locale}.toml") for locale in Locale}


def _read(locale: Locale, path: Path) -> Texts:
    file = parse_toml(path.name, path.read_text(encoding="utf-8"), _File)
    faults = [
        *_misfits("sentences", set(file.sentences), set(SENTENCES)),
        *_misfits("counted", set(file.counted), set(COUNTED)),
        *_misfits("words", set(file.words), set(WORDS)),
    ]
    for name, text in file.sentences.items():
        faults += _faults(f"[sentences] {name}", text, _FIELDS.get(name, {}))
    for name, forms in file.counted.items():
        for text in forms:
            faults += _faults(f"[counted] {name}", text, {"count": 1})
    if faults:
        raise RulesError(f"{path}: " + "; ".join(faults))
    return Texts(locale, file.weekdays, file.months, file.sentences, file.counted, file.words)


def _misfits(table: str, there: set[str], wanted: set[str]) -> list[str]:
    return [
        *(f"[{table}] {name} is missing" for name in sorted(wanted - there)),
        *(f"[{table}] {name}: nobody asks for it" for name in sorted(there - wanted)),
    ]


def _faults(where: str, text: str, samples: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a text. The surest test is to fill it in."""
    try:
        text.format_map(samples)
    except KeyError as error:
        known = ", ".join(samples) or "none"
        return [f"{where}: no field {error.args[0]}; there are {known}"]
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        return [f"{where}: {error}"]
    return []


_FIELDS: Mapping[str, Mapping[str, object]] = {
    sentence: {
        field.removeprefix("#"): 1 if field.startswith("#") else "x" for field in fields.split()
    }
    for sentence, fields in SENTENCES.items()
}
"""Each sentence's fields, with a sample value of the right type."""
