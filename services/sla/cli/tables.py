"""Figures in the terminal, easy to read: in both languages, and with every sum checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contracts.catalogue.load import VIETNAM
from services.runtime import Document
from services.sla.cli.layout import Column, table
from services.sla.figures.backlog import BACKLOG
from services.sla.figures.counting import MEASURES
from services.sla.figures.rates import RATES, RATES_BY_ENTRY, TAKEN_BACK_SHARE, Rate
from services.sla.figures.tables import Dimension, Measure

WIDE = 120
"""From this many columns on, a terminal's table shows more than the essential numbers."""


_LETTERS = ("letter_in_time", "letter_late", "late_without_letter")
_ALWAYS = ("resolved", "resolved_late", "open", "open_late", "late_without_letter")
_WIDE = ("carried_over", "received", *_ALWAYS)
_BAD = frozenset({"resolved_late", "open_late", "late_without_letter"})
_UNJUDGED = "unjudged"
"""It has a column where it is not 0 and there is room; the footnote has it in any case."""
_BALANCE = ("carried_over", "received", "resolved", "open")
_HEADS = {
    "carried_over": "Kỳ trước\nBefore",
    "received": "Tiếp nhận\nNew",
    "resolved": "Giải quyết\nDone",
    "resolved_late": "quá hạn\nlate",
    "open": "Đang xử lý\nOpen",
    "open_late": "quá hạn\nlate",
    "late_without_letter": "chưa xin lỗi\nno letter",
    "unjudged": "chưa đủ căn cứ\nno basis",
    "on_time_of_resolved": "Đúng hạn %\nof done",
    "on_time_decision_766": "QĐ 766 %\nD. 766",
    "on_time_of_all_to_process": "Toàn bộ %\nof all",
}
"""Short, to leave room for the units' names; the foot has the full names."""
_DIMENSIONS = {
    Dimension.UNIT: "Đơn vị\nUnit",
    Dimension.FIELD: "Lĩnh vực\nField",
    Dimension.PROCEDURE: "Thủ tục\nProcedure",
    Dimension.CHANNEL: "Hình thức\nChannel",
    Dimension.LEVEL: "Mức độ\nLevel",
}


def figures_table(shown: Document, width: int) -> RenderableType:
    """Return the figures of a period: a table, with the balance and the three rates in its foot.

    What could not be judged is said below the rates, from which it is left out.
    """
    total = shown["total"]
    measures = _WIDE if width >= WIDE else _ALWAYS
    rates = [rate.name for rate in RATES if width >= WIDE or rate is not RATES[-1]]
    heads = {name: _HEADS[name] for name in (*measures, *rates)}
    rows = _table(shown, heads, _title(shown), width, names=width >= WIDE, unjudged=True)
    others = [
        name for name in MEASURES if name not in (*_WIDE, *_LETTERS, _UNJUDGED) and total[name]
    ]
    return Group(
        rows,
        Text(),
        _balance(total),
        _rates(total, RATES),
        _by_entry(total),
        *_footnote(total),
        *_letters(total),
        *_lines(total, others, MEASURES),
    )


def changes_table(shown: Document, width: int) -> RenderableType:
    """Return the changes of a frozen period's numbers, without those that have not changed."""
    changed = [name for name in MEASURES if any(row[name] for row in shown["rows"])]
    heads = {name: f"{MEASURES[name].vi}\n{MEASURES[name].en}" for name in changed}
    if not changed:
        return Text("Không có gì thay đổi từ khi chốt / Nothing was entered since it was frozen")
    return _table(shown, heads, _title(shown), width, signed=True)


def backlog_table(shown: Document, width: int) -> RenderableType:
    """Return what is open, by age above and by how long it has been overdue below."""
    title = f"Hồ sơ đang giải quyết / Open dossiers, {_time(shown['at'])}"
    ages = [name for name in BACKLOG if name == "open" or name.startswith("age_")]
    overdue = [name for name in BACKLOG if name not in (*ages, _UNJUDGED, "unrouted")]
    since_reception = f"{title}\nngày làm việc từ khi tiếp nhận / age in working days"
    since_due = "ngày làm việc quá hạn / overdue for working days"
    return Group(
        _table(shown, _days(ages, "age_"), since_reception, width),
        Text(),
        _table(shown, _days(overdue, "overdue_"), since_due, width, unjudged=True),
        *_footnote(shown["total"], rates=False),
        *_lines(shown["total"], ["unrouted"] if shown["total"]["unrouted"] else [], BACKLOG),
    )


def dossiers_table(rows: Sequence[Document], title: str, width: int) -> RenderableType:
    """Return the dossiers behind a number. A narrow terminal shows days and procedure codes."""
    wide = width >= WIDE

    def times(name: str) -> list[Text]:
        return [Text(_time(row[name]) if wide else _day(row[name])) for row in rows]

    late = [
        Text("unjudged", style="dim") if _UNJUDGED in row["counts"] else time
        for row, time in zip(rows, times("late_since"), strict=True)
    ]
    procedures = [(row["procedure_name"] if wide else None) or row["procedure"] for row in rows]
    keys = [
        Column("Mã hồ sơ\nCode", [Text(row["code"]) for row in rows]),
        Column("Đơn vị\nUnit", [Text(row["unit"]) for row in rows]),
        Column("Thủ tục\nProcedure", [Text(each) for each in procedures], names=wide),
        Column("Tiếp nhận\nReceived", times("received_at")),
        Column("Kết thúc\nEnded", times("ended_at")),
        Column("Quá hạn từ\nLate since", late),
    ]
    return table(title, keys, [], width)


def snapshots_table(items: Sequence[Document], width: int) -> RenderableType:
    """Return the frozen periods, with their totals and rates."""
    keys = [
        Column("Kỳ\nPeriod", [Text(item["period"]) for item in items]),
        Column("Chốt lúc\nFrozen at", [Text(_time(item["frozen_at"])) for item in items]),
    ]
    some = any(item[_UNJUDGED] for item in items)
    names = (*_BALANCE, *((_UNJUDGED,) if some else ()), *(rate.name for rate in RATES))
    numbers = [Column(_HEADS[name], [_number(name, item) for item in items]) for name in names]
    return table("Số liệu đã chốt / Frozen figures", keys, numbers, width)


def _table(
    shown: Document,
    heads: Mapping[str, str],
    title: str,
    width: int,
    *,
    names: bool = True,
    signed: bool = False,
    unjudged: bool = False,
) -> Table:
    if unjudged and shown["total"][_UNJUDGED]:
        with_it = {**heads, _UNJUDGED: _HEADS[_UNJUDGED]}
        made = _table(shown, with_it, title, width, names=names, signed=signed)
        if made.width is None or made.width <= width:
            return made
    rows = shown["rows"] if shown["by"] else []
    keys = [
        Column(
            _DIMENSIONS[Dimension(name)],
            [_key(name, row, names=names) for row in rows],
            Text("" if place else "Tổng / Total"),
            names=names and any(row.get(f"{name}_name") for row in rows),
        )
        for place, name in enumerate(shown["by"])
    ]
    numbers = [
        Column(
            head,
            [_number(name, row, signed=signed) for row in rows],
            _number(name, shown["total"], signed=signed),
        )
        for name, head in heads.items()
    ]
    return table(title, keys, numbers, width)


def _key(name: str, row: Mapping[str, Any], *, names: bool) -> Text:
    text = Text(str(row[name]))
    if names and row.get(f"{name}_name"):
        text.append(f" {row[f'{name}_name']}", style="dim")
    return text


def _number(name: str, row: Mapping[str, Any], *, signed: bool = False) -> Text:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return Text(_percent(value), style="" if value else "dim")
    text = f"{value:+,}" if signed and value else f"{value:,}"
    style = "red" if value and name in _BAD else "dim" if not value else ""
    return Text(text, style=style)


def _percent(rate: str | None) -> str:
    return "–" if rate is None else rate


def _balance(total: Mapping[str, int]) -> Text:
    carried, received, resolved, left = (total[name] for name in _BALANCE)
    even = carried + received == resolved + left
    text = Text("Cân đối / Balance: ", style="bold")
    text.append(
        f"kỳ trước chuyển qua {carried:,} + tiếp nhận {received:,} = "
        f"đã giải quyết {resolved:,} + đang giải quyết {left:,}  ",
        style="not bold",
    )
    return text.append("✓" if even else "✗ LỆCH / does not reconcile", "green" if even else "red")


def _rates(total: Mapping[str, int], rates: Iterable[Rate]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for rate in rates:
        shown = rate(total)
        part, whole = rate.on_time(total), rate.of(total)
        grid.add_row(
            f"{rate.vi} / {rate.en}",
            f"[bold]{'không có số liệu / no figure' if shown is None else f'{shown} %'}[/bold]",
            f"{part:,} / {whole:,}" if whole else "",
        )
    return grid


def _by_entry(total: Mapping[str, int]) -> RenderableType:
    """Return the rates by time of entry, where late entries changed any."""
    if not total["taken_back"]:
        return Text("Theo thời điểm nhập cũng vậy / By time of entry, the same", style="dim")
    return _rates(total, (*RATES_BY_ENTRY, TAKEN_BACK_SHARE))


def _footnote(total: Mapping[str, int], *, rates: bool = True) -> list[Text]:
    """Return what is said of dossiers that could not be judged, if there are any."""
    number = total[_UNJUDGED]
    if not number:
        return []
    said = f"{number:,} hồ sơ chưa đủ căn cứ đánh giá"
    also = f"{number:,} {'dossier' if number == 1 else 'dossiers'} could not be judged"
    if rates:
        said += ", không tính vào tỷ lệ nào"
        also += " and is in no rate" if number == 1 else " and are in no rate"
    return [Text(f"{said} / {also}")]


def _letters(total: Mapping[str, int]) -> list[Text]:
    """Return what became of the letters that are owed, if there are any."""
    in_time, late, missing = (total[name] for name in _LETTERS)
    if not in_time + late + missing:
        return []
    text = Text("Thư xin lỗi / Letters: ", style="bold")
    said = f"đúng thời hạn / in time {in_time:,} · chậm / late {late:,} · "
    text.append(said, style="not bold")
    style = "red" if missing else "not bold"
    return [text.append(f"chưa có / missing {missing:,}", style)]


def _lines(
    total: Mapping[str, int], names: Iterable[str], measures: Mapping[str, Measure]
) -> list[Text]:
    return [
        Text(f"{measures[name].vi} / {measures[name].en}: {total[name]:,}", style="dim")
        for name in names
    ]


def _days(names: Sequence[str], prefix: str) -> dict[str, str]:
    heads = {}
    for name in names:
        measure = BACKLOG[name]
        days = name.removeprefix(prefix).replace("_up", "+").replace("_", "–")
        heads[name] = days if name.startswith(prefix) else f"{measure.vi}\n{measure.en}"
    return heads


def _title(shown: Document) -> str:
    first = _day(shown["since"])
    last = _day(shown["until"] - timedelta(milliseconds=1))
    name = f"{shown['period']}: " if shown["period"] else ""
    lines = [f"Kỳ báo cáo / Period {name}{first} – {last}"]
    if "frozen_at" in shown:
        lines.append(f"đã chốt / frozen {_time(shown['frozen_at'])}")
    elif shown["as_of"] < shown["until"]:
        lines.append(f"chưa hết kỳ / not over: late as of {_time(shown['as_of'])}")
    if shown["extended"] == "late":
        lines.append("hẹn lại vẫn tính quá hạn / a second date alone counts as late")
    return "\n".join(lines)


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(VIETNAM):%d/%m/%Y}"


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(VIETNAM):%d/%m/%Y %H:%M}"
