"""``motcua message``: what people are told, word for word, before they are told; and what came
back."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from contracts.catalogue import load_catalogue
from contracts.values import Locale
from services.notify.channels.settings import ChannelSettings
from services.notify.cli.bounced import bounced
from services.notify.cli.phone import sms, zalo
from services.notify.page.http.links import Links
from services.notify.settings import LinkSettings
from services.notify.wording.renderer import Renderer, TemplateWrong
from services.notify.wording.samples import CODE, PARAMS
from services.notify.wording.template import FOR_OFFICERS, Template
from services.shared.lookup_key import LookupKeys

app = typer.Typer(
    help="What people are told, word for word, and what came back.", no_args_is_help=True
)
app.command("bounced")(bounced)
console = Console()

_PAGE = "https://motcua.example"
"""The status page's address if MOTCUA_PUBLIC_URL is not set."""
_CHANGES = (
    '[{"at":"09:00 20/03/2024","template":"resumed","params":{"reason":"Đã đủ ý kiến"}},'
    '{"at":"14:30 20/03/2024","template":"payment-received","params":{}}]'
)
_CODES = (CODE, "H29.15-240311-0007")
_OVERDUE, _RETRACTED = '"kind":"DossierOverdue"', '"kind":"AlertRetracted"'
_MANY = f'{_OVERDUE},"also":[{{"kind":"StepOverdue","due":"09:00 20/03/2024"}}]'
_ALERTS: dict[str, str] = {
    Template.HEAD_OVERDUE: _OVERDUE,
    Template.OFFICER_OVERDUE: _OVERDUE,
    Template.HEAD_RETRACTED: _RETRACTED,
    Template.OFFICER_RETRACTED: _RETRACTED,
    Template.HEAD_DIGEST: _MANY,
    Template.OFFICER_DIGEST: _MANY,
}
"""What a head or an officer is told of a dossier."""


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
    """Show a message as it would be sent: e-mail, Zalo, and SMS with its cost in segments.

    The SMS is shown with and without diacritics, and as it is cut if it is too long.
    MOTCUA_SMS_PLAIN says which form is sent, MOTCUA_SMS_PARTS how long it may be, and
    MOTCUA_ZALO_LENGTH how long a Zalo message may be.

    Example: `motcua message preview apology --lang en --set due=15/08`
    """
    links = Links(LinkSettings().public_url or _PAGE, LookupKeys({1: "preview"}))
    try:
        renderer = Renderer(load_catalogue(), link=links.link)
    except TemplateWrong as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from error
    if template is None:
        table = Table("template", "subject")
        for name in renderer.templates:
            text = renderer.render(name, locale, CODE, _values(name, []))
            table.add_row(name, Text(text.subject))
        console.print(table)
        return
    if template not in renderer.templates:
        console.print(Text(f"there is no template {template!r}: {', '.join(renderer.templates)}"))
        raise typer.Exit(1)
    text = renderer.render(template, locale, CODE, _values(template, params or []))
    console.print(
        Panel(
            Text(text.body.rstrip()), title=Text(text.subject), subtitle=f"version {text.version}"
        )
    )
    if template in FOR_OFFICERS:
        return  # officers are written to by e-mail alone
    settings = ChannelSettings()
    console.print(zalo(text.short, settings.zalo_length))
    for plain in (False, True):
        panel = sms(text.short, settings.sms_parts, plain=plain, sent=plain is settings.sms_plain)
        console.print(panel)


def _values(template: str, given: list[str]) -> dict[str, str]:
    items = _CHANGES
    if (said := _ALERTS.get(template)) is not None:
        about = '"dossier":"{}","procedure":"1.004194","due":"10:15 04/04/2024"'
        items = "[" + ",".join(f"{{{about.format(code)},{said}}}" for code in _CODES) + "]"
    values = {**PARAMS, "items": items}
    for pair in given:
        name, found, value = pair.partition("=")
        if not found:
            raise typer.BadParameter(f"{pair!r}: write NAME=VALUE")
        values[name] = value
    return values
