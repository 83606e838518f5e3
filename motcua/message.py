"""``motcua message``: what people are told, word for word, before anyone is told it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from contracts.catalogue import load_catalogue
from contracts.values import Locale
from services.notify.render import Renderer, TemplateWrong

app = typer.Typer(help="What people are told, word for word.", no_args_is_help=True)
console = Console()

_CODE = "H29.15-240307-0001"
_PARAMS = {
    "procedure": "1.004194",
    "unit": "H29.15",
    "due": "10:15 04/04/2024",
    "previous": "10:15 28/03/2024",
    "new_due": "17:00 12/04/2024",
    "until": "17:00 20/03/2024",
    "cause": "time-given-back",
    "reason": "Chưa nhận được kết quả xác định nghĩa vụ tài chính",
    "documents": "Bản sao giấy chứng nhận; Tờ khai lệ phí",
    "amount": "1500000",
    "outcome": "granted",
    "count": "52",
}
_CHANGES = (
    '[{"at":"09:00 20/03/2024","template":"resumed","params":{"reason":"Đã đủ ý kiến"}},'
    '{"at":"14:30 20/03/2024","template":"payment-received","params":{}}]'
)
_ALERTS = (
    '[{"kind":"DossierOverdue","due":"10:15 04/04/2024","dossier":"H29.15-240307-0001"},'
    '{"kind":"DossierSoonDue","due":"16:00 05/04/2024","dossier":"H29.15-240311-0007"}]'
)


@app.command("preview")
def preview(
    template: Annotated[
        str | None, typer.Argument(help="Its name; without one, all that there are are listed.")
    ] = None,
    locale: Annotated[Locale, typer.Option("--lang", help="The language.")] = Locale.VI,
    params: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE instead of the made-up value; repeatable."),
    ] = None,
) -> None:
    """Shows a message as it would be sent: e-mail, and the short form with its SMS segments."""
    try:
        renderer = Renderer(load_catalogue(), link=lambda code: f"https://motcua.example/{code}")
    except TemplateWrong as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from error
    if template is None:
        table = Table("template", "subject")
        for name in renderer.templates:
            table.add_row(name, renderer.render(name, locale, _CODE, _values(name, [])).subject)
        console.print(table)
        return
    if template not in renderer.templates:
        console.print(f"there is no template {template!r}: {', '.join(renderer.templates)}")
        raise typer.Exit(1)
    text = renderer.render(template, locale, _CODE, _values(template, params or []))
    console.print(Panel(text.body.rstrip(), title=text.subject, subtitle=f"version {text.version}"))
    console.print(Panel(text.short, title="short"))


def _values(template: str, given: list[str]) -> dict[str, str]:
    values = {**_PARAMS, "items": _ALERTS if template.startswith("head") else _CHANGES}
    for pair in given:
        name, found, value = pair.partition("=")
        if not found:
            raise typer.BadParameter(f"{pair!r}: write NAME=VALUE")
        values[name] = value
    return values
