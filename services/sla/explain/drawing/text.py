"""The drawing of a dossier's time with characters, for a terminal or plain text.

A span's character alone tells its kind; colours only help.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from services.shared.working_time import DayKind
from services.sla.clock.segments import Reason
from services.sla.explain.drawing.picture import LATE, PROJECTED, Bar, Lane, Picture, ticks
from services.sla.explain.words import Words

CHARACTERS = {
    Reason.HANDLING: "█",
    Reason.CONSULTATION: "▓",
    Reason.SUPPLEMENT: "░",
    Reason.PAYMENT: "$",
    Reason.STOPPED: "×",
    LATE: "▚",
    PROJECTED: "·",
    DayKind.HOLIDAY: "◆",
    DayKind.WEEKEND: "▫",
}
"""The character of each kind of span."""
_LANE, _LANE_LATE, _LIMIT = "━", "╍", "┃"
_LABEL = 24
"""The most columns that labels at the left take."""

Line = list[tuple[str, str]]
"""Pieces of text, each with the name of its style; an empty name is plain."""


def draw(picture: Picture, words: Words, width: int) -> list[Line]:
    """Return the drawing in lines of at most `width` columns; `width` must be at least 60."""
    names = ["dossier", "days-off"]
    labels = [words.word(name) for name in names] + [lane.label for lane in picture.lanes]
    gutter = min(_LABEL, max(map(len, labels))) + 2
    columns = width - gutter
    lines = [
        *([(" " * gutter, ""), *line] for line in _scale(picture, columns)),
        [(_fit(labels[0], gutter), ""), *_bars(picture, columns)],
        [(_fit(labels[1], gutter), ""), *_days_off(picture, columns)],
        *(
            [(_fit(lane.label, gutter), ""), *_lane(lane, picture, columns)]
            for lane in picture.lanes
        ),
        *([(" " * gutter, ""), *line] for line in _marks(picture, columns)),
        *_legend(picture, words, width),
    ]
    return [_joined(line) for line in lines]


def plain(lines: Sequence[Line]) -> str:
    """Return the drawing without its styles."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def _scale(picture: Picture, columns: int) -> Iterator[Line]:
    names, line = [" "] * columns, ["─"] * columns
    for at, name in ticks(picture, columns // 8):
        column = _column(picture, at, columns)
        line[column] = "┬"
        if column + len(name) <= columns:
            names[column : column + len(name)] = name
    yield [("".join(names), "scale")]
    yield [("".join(line), "scale")]


def _bars(picture: Picture, columns: int) -> Line:
    """Show in each cell what takes most of its time; give what would not show one cell."""
    cells: list[Bar | None] = [None] * columns
    most = [timedelta()] * columns
    for bar in picture.bars:
        for column in _columns(picture, bar.begin, bar.end, columns):
            begin, end = _edges(picture, column, columns)
            share = min(bar.end, end) - max(bar.begin, begin)
            if share > most[column]:
                cells[column], most[column] = bar, share
    for bar in picture.bars:
        if bar not in cells and bar.end > bar.begin:
            cells[_column(picture, bar.begin, columns)] = bar
    return [(CHARACTERS[cell.kind], cell.kind) if cell else (" ", "") for cell in cells]


def _days_off(picture: Picture, columns: int) -> Line:
    """Show a day off in a cell if it is most of the cell: on a scale of months none may fit."""
    line: Line = [(" ", "")] * columns
    for shade in picture.shades:
        for column in _columns(picture, shade.begin, shade.end, columns):
            begin, end = _edges(picture, column, columns)
            if (min(shade.end, end) - max(shade.begin, begin)) * 2 > end - begin:
                line[column] = (CHARACTERS[shade.kind], shade.kind)
    return line


def _lane(lane: Lane, picture: Picture, columns: int) -> Line:
    line: Line = [(" ", "")] * columns
    for column in _columns(picture, lane.begin, lane.end, columns):
        overdue = (
            lane.late and lane.due is not None and _edges(picture, column, columns)[1] > lane.due
        )
        line[column] = (_LANE_LATE, LATE) if overdue else (_LANE, "lane")
    if lane.due is not None:
        line[_column(picture, lane.due, columns)] = (_LIMIT, LATE if lane.late else "limit")
    return line


def _marks(picture: Picture, columns: int) -> Iterator[Line]:
    """Yield an arrow for each moment, and its name below, in as few lines as possible."""
    arrows: Line = [(" ", "")] * columns
    rows: list[Line] = []
    for mark in picture.marks:
        column = _column(picture, mark.at, columns)
        arrows[column] = ("▲", mark.kind)
        text = f"└ {mark.label}"
        if column + len(text) > columns:
            text = f"{mark.label} ┘"
            column = max(0, column + 1 - len(text))
        if len(text) > columns:
            text = f"{text[: columns - 1]}…"
        for row in rows:
            # A column stays free on each side, so that names stay apart.
            if all(piece == " " for piece, _ in row[max(0, column - 1) : column + len(text) + 1]):
                break
        else:
            rows.append(row := [(" ", "")] * columns)
        row[column : column + len(text)] = [(piece, mark.kind) for piece in text]
    yield arrows
    yield from rows


def _legend(picture: Picture, words: Words, width: int) -> Iterator[Line]:
    used = [bar.kind for bar in picture.bars] + [shade.kind for shade in picture.shades]
    entries = [(CHARACTERS[kind], kind, words.word(kind)) for kind in dict.fromkeys(used)]
    if picture.lanes:
        entries.append((_LIMIT, "limit", words.word("limit")))
    line: Line = []
    for character, style, name in entries:
        entry: Line = [(character, style), (f" {name}   ", "")]
        if line and sum(len(text) for text, _ in line + entry) > width + 3:
            yield line
            line = []
        line += entry
    yield line


def _column(picture: Picture, at: datetime, columns: int) -> int:
    return min(columns - 1, int(picture.share(at) * columns))


def _columns(picture: Picture, begin: datetime, end: datetime, columns: int) -> range:
    return range(_column(picture, begin, columns), _column(picture, end, columns) + 1)


def _edges(picture: Picture, column: int, columns: int) -> tuple[datetime, datetime]:
    """Return the start and end of a column."""
    width = (picture.end - picture.begin) / columns
    return picture.begin + width * column, picture.begin + width * (column + 1)


def _joined(line: Line) -> Line:
    """Join the pieces of the line that follow one another in the same style."""
    return [
        ("".join(text for text, _ in pieces), style)
        for style, pieces in groupby(line, key=lambda piece: piece[1])
    ]


def _fit(label: str, width: int) -> str:
    """Return the label, cut if necessary, in exactly `width` columns."""
    return (label if len(label) < width - 1 else f"{label[: width - 3]}…").ljust(width)
