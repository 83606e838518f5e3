"""The drawing of a dossier's time as SVG: for a web page, a letter or a court file.

It has no script, style sheet or font of its own. Every kind of span has a pattern besides its
colour, so that a black-and-white print tells as much. Readers who cannot see it get the sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from services.shared.working_time import DayKind
from services.sla.clock.segments import Reason
from services.sla.explain.drawing.picture import LATE, PROJECTED, Lane, Picture, ticks
from services.sla.explain.words import Words

WIDTH = 1000
_LEFT, _RIGHT = 170, 20
_SCALE, _BAR, _LANE, _ROW = 70, 34, 22, 18
"""The scale's place, and the heights of a bar, a lane and a row of names."""
_CHARACTER = 6.9
"""The approximate width of a character, used to lay out names."""
_INK = "#1a1a1a"

# Colours that the colour-blind can tell apart (Okabe and Ito), each with a pattern of its own.
_PATTERNS = {
    Reason.HANDLING: ("#009e73", ""),
    Reason.CONSULTATION: (
        "#9fd3f3",
        '<path d="M2 0V8M6 0V8" stroke="#0072b2" stroke-width="1.5"/>',
    ),
    Reason.SUPPLEMENT: (
        "#f7dc8f",
        '<path d="M-2 6L6 -2M2 10L10 2" stroke="#8a6100" stroke-width="1.5"/>',
    ),
    Reason.PAYMENT: ("#f0cfe2", '<circle cx="4" cy="4" r="2" fill="#8f3f6b"/>'),
    Reason.STOPPED: ("#d9d9d9", '<path d="M0 0L8 8M8 0L0 8" stroke="#4d4d4d" stroke-width="1.2"/>'),
    LATE: ("#d55e00", '<path d="M-2 2L6 10M2 -2L10 6" stroke="#fff" stroke-width="2"/>'),
    PROJECTED: ("#fff", '<path d="M0 4H4" stroke="#8fc9b5" stroke-width="2"/>'),
    DayKind.HOLIDAY: ("#fbe3de", '<path d="M0 8L8 0" stroke="#d98a7b" stroke-width="1"/>'),
    DayKind.WEEKEND: ("#efefef", ""),
}
"""The background of each kind of span, and the pattern on it in squares of eight."""
_LINES = {"due": "none", "original": "7 4", "now": "2 3", "ended": "none"}
"""How the line of a moment is dashed; other moments have no line through the drawing."""


def svg(title: str, headline: str, sentences: Sequence[str], picture: Picture, words: Words) -> str:
    """Return the document. `sentences` are the explanation for those who cannot see the drawing."""
    bottom = _SCALE + 14 + _BAR + 8 + _LANE * len(picture.lanes)
    names = list(_names(picture, bottom + 16))
    legend = max((y for _, y in names), default=bottom) + 24
    body = [
        _text(20, 24, title, size=16, weight="bold"),
        _text(20, 44, headline, size=13),
        *_shades(picture, bottom),
        *_scale(picture),
        *_bars(picture, words),
        *(
            part
            for number, lane in enumerate(picture.lanes)
            for part in _lane(lane, picture, _SCALE + 22 + _BAR + _LANE * number)
        ),
        *_moments(picture, bottom),
        *(name for name, _ in names),
    ]
    legend_body, height = _legend(picture, words, legend)
    patterns = "".join(
        f'<pattern id="sla-{kind}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" fill="{ground}"/>{drawn}</pattern>'
        for kind, (ground, drawn) in _PATTERNS.items()
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img" xml:lang="{words.texts.locale}"'
            ' aria-labelledby="sla-title sla-desc"'
            """ font-family="Arial, 'DejaVu Sans', sans-serif">""",
            f'<title id="sla-title">{escape(title)}. {escape(headline)}</title>',
            f'<desc id="sla-desc">{escape(" ".join(sentences))}</desc>',
            f"<defs>{patterns}</defs>",
            _rect(0, 0, WIDTH, height, "#fff"),
            *body,
            *legend_body,
            "</svg>",
            "",
        ]
    )


def _x(picture: Picture, at: datetime) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * picture.share(at)


def _shades(picture: Picture, bottom: int) -> Iterator[str]:
    for shade in picture.shades:
        left, right = _x(picture, shade.begin), _x(picture, shade.end)
        if right > left:
            yield _rect(left, _SCALE, right - left, bottom - _SCALE, f"url(#sla-{shade.kind})")


def _scale(picture: Picture) -> Iterator[str]:
    yield _line(_LEFT, _SCALE, WIDTH - _RIGHT, _SCALE)
    for at, name in ticks(picture, 14):
        x = _x(picture, at)
        yield _line(x, _SCALE - 4, x, _SCALE + 4)
        yield _text(x, _SCALE - 8, name, size=11, anchor="middle")


def _bars(picture: Picture, words: Words) -> Iterator[str]:
    top = _SCALE + 14
    yield _text(_LEFT - 8, top + _BAR / 2 + 4, words.word("dossier"), anchor="end", weight="bold")
    for bar in picture.bars:
        left, right = _x(picture, bar.begin), _x(picture, bar.end)
        # On a scale of months, even a span of minutes must be visible.
        width = max(right - left, 1.5)
        dash = ' stroke-dasharray="4 3"' if bar.kind == PROJECTED else ""
        yield _rect(left, top, width, _BAR, f"url(#sla-{bar.kind})", f' stroke="{_INK}"{dash}')
        if len(name := words.word(bar.kind)) * _CHARACTER + 12 < width:
            yield _text(left + width / 2, top + _BAR / 2 + 4, name, anchor="middle", halo=True)


def _lane(lane: Lane, picture: Picture, top: float) -> Iterator[str]:
    label = lane.label if len(lane.label) <= 22 else f"{lane.label[:21]}…"
    yield _text(_LEFT - 8, top + 12, label, size=11, anchor="end")
    left, right = _x(picture, lane.begin), _x(picture, lane.end)
    yield _rect(left, top + 4, max(right - left, 1.5), 9, "#7f7f7f")
    if lane.due is None:
        return
    due = _x(picture, lane.due)
    if lane.late:
        yield _rect(
            due, top + 4, max(right - due, 1.5), 9, f"url(#sla-{LATE})", f' stroke="{_INK}"'
        )
    yield _line(due, top, due, top + 17, width=2.5)


def _moments(picture: Picture, bottom: int) -> Iterator[str]:
    for mark in picture.marks:
        x = _x(picture, mark.at)
        if (dash := _LINES.get(mark.kind)) is not None:
            width = 2.5 if mark.kind == "due" else 1.5
            yield _line(x, _SCALE, x, bottom, width=width, dash=dash)
        yield f'<path d="M{x:.1f} {bottom}l-4 8h8z" fill="{_INK}"/>'


def _names(picture: Picture, top: float) -> Iterator[tuple[str, float]]:
    """Yield each moment's name below its arrow and its height, in as few rows as possible."""
    rows: list[list[tuple[float, float]]] = []
    for mark in picture.marks:
        x, width = _x(picture, mark.at), len(mark.label) * _CHARACTER
        to_left = x + width > WIDTH - _RIGHT
        left, right = (x - width, x) if to_left else (x, x + width)
        taken = (left - 10, right + 10)
        for row in rows:
            if all(taken[1] <= there[0] or there[1] <= taken[0] for there in row):
                break
        else:
            rows.append(row := [])
        row.append((left, right))
        y = top + 6 + _ROW * next(number for number, each in enumerate(rows) if each is row)
        weight = "bold" if mark.kind == "due" else "normal"
        anchor = "end" if to_left else "start"
        yield _text(x, y, mark.label, size=12, anchor=anchor, weight=weight), y


def _legend(picture: Picture, words: Words, top: float) -> tuple[list[str], int]:
    """Return the legend's parts, and the height of the whole document."""
    used = [bar.kind for bar in picture.bars] + [shade.kind for shade in picture.shades]
    kinds = [*dict.fromkeys(used), *(["limit"] if picture.lanes else [])]
    parts, x, y = [], 20.0, top
    for kind in kinds:
        name = words.word(kind)
        width = 24 + len(name) * _CHARACTER + 18
        if x + width > WIDTH - _RIGHT:
            x, y = 20.0, y + _ROW + 4
        if kind == "limit":
            parts.append(_line(x + 9, y - 12, x + 9, y + 3, width=2.5))
        else:
            parts.append(_rect(x, y - 11, 18, 13, f"url(#sla-{kind})", f' stroke="{_INK}"'))
        parts.append(_text(x + 24, y, name, size=12))
        x += width
    return parts, round(y + 16)


def _rect(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        f' fill="{fill}"{more}/>'
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, *, width: float = 1, dash: str = "none"
) -> str:
    return (
        f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{_INK}" stroke-width="{width}"'
        f' stroke-dasharray="{dash}"/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    anchor: str = "start",
    weight: str = "normal",
    halo: bool = False,
) -> str:
    around = ' stroke="#fff" stroke-width="4" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor={quoteattr(anchor)} fill="{_INK}"{around}>{escape(text)}</text>'
    )
