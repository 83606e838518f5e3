"""``motcua audit``: who read and changed what; whether that is as it was written; who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from aiokafka.errors import KafkaError
from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from contracts.wire.topics import PAGE, SERVICES
from services.runtime.audit.anchors import (
    Anchors,
    AnchorsWrong,
    public_key,
    read_anchors,
    signing_key,
)
from services.runtime.audit.audit import NotAudited
from services.runtime.audit.audit_log import Written, audit_log, read_file
from services.runtime.audit.chain_keys import COMMAND, AuditSecrets, audit_secrets
from services.runtime.audit.checking import (
    Verified,
    anchor,
    anchors_broken,
    tell_broken,
    verify_files,
    verify_topic,
)
from services.runtime.audit.link import NoLink, read_link
from services.runtime.audit.verification import SecretsMissing, Verification
from services.runtime.cli.audit_page import link_page, verified_page
from services.runtime.cli.audit_stream import stream
from services.runtime.cli.late_progress import late_progress
from services.runtime.refusal import CannotStart
from services.runtime.settings import Settings, settings_told

app = typer.Typer(
    help="Who read and changed what, from where and in which role: in chains of hashes, which show "
    "whether anything was changed afterwards.",
    no_args_is_help=True,
)
console = Console()
T = TypeVar("T")
_TELL = (*SERVICES, PAGE, COMMAND)
"""Who writes chains, each with a key of its own."""

Files = Annotated[
    list[Path] | None,
    typer.Option("--from-file", help="Read what was exported, not the topic. May be repeated."),
]
PublicKey = Annotated[
    Path | None,
    typer.Option(
        envvar="MOTCUA_AUDIT_PUBLIC_KEY_FILE",
        show_envvar=False,
        help="In PEM, of the key that signs anchors; default: MOTCUA_AUDIT_PUBLIC_KEY_FILE.",
    ),
]


class AuditSettings(Settings):
    """The settings of whoever verifies the audit."""

    audit_secrets: SecretStr | None = None
    """Generations ``number:hex``, separated by blanks, of which the services' keys are made; the
    first is the current one. Only who verifies, or hands keys out, has them."""

    def secrets(self) -> AuditSecrets:
        """Return the secrets. Raise SettingsWrong if they cannot be used."""
        told = self.audit_secrets
        return audit_secrets(told.get_secret_value() if told else None)


@app.command("verify")
def verify(
    from_file: Files = None,
    anchors: Annotated[Path | None, typer.Option(help="The file of anchors.")] = None,
    public_key_file: PublicKey = None,
    tell: Annotated[
        bool, typer.Option("--tell", help="Have the audit tell what is broken, and so the alarm.")
    ] = False,
) -> None:
    """Say whether the audit is as it was written, and name the first link that is not.

    Ends with 0 if it is, 1 if it is not, 2 if that cannot be told. Without anchors, a tail that was
    cut off and a chain that is gone whole are not seen.

    Example: `motcua audit verify --anchors anchors.jsonl --public-key-file audit.pub`
    """
    settings = settings_told(AuditSettings)
    try:
        known = _anchors(anchors, public_key_file)
    except AnchorsWrong as error:
        broken = [anchors_broken(error)]
        found = Verified(Verification(AuditSecrets({})), broken, None)
    else:
        with late_progress(console, "verifying") as told:
            if from_file:
                found = _or_fail(lambda: verify_files(from_file, settings.secrets(), known, told))
            else:
                found = _run(verify_topic(settings, settings.secrets(), known, told))
    if found.broken and tell:
        _run(tell_broken(settings, settings.secrets(), found.broken))
    _show(found)


@app.command("anchor")
def write_anchor(
    to: Annotated[Path, typer.Option(help="The file of anchors; it grows by one line.")],
    signing_key_file: Annotated[
        Path | None,
        typer.Option(
            envvar="MOTCUA_AUDIT_SIGNING_KEY_FILE",
            show_envvar=False,
            help="In PEM, an Ed25519 key; default: MOTCUA_AUDIT_SIGNING_KEY_FILE.",
        ),
    ] = None,
) -> None:
    """Verify what is new, and write the tips of all chains down, signed: once a day.

    The file belongs where nobody is who can change the topic. What is broken is not anchored: then
    the audit tells of it, and this ends with 1; with 2 if it could not be read or written.

    Example: `motcua audit anchor --to anchors.jsonl --signing-key-file audit.key`
    """
    settings = settings_told(AuditSettings)
    key = signing_key(signing_key_file) if signing_key_file is not None else None
    with late_progress(console, "verifying") as told:
        found = _run(anchor(settings, settings.secrets(), to, key, told))
    if not found.broken and found.anchors is not None:
        console.print(Text(f"{to}: anchor {len(found.anchors) - 1}"))
    _show(found)


@app.command("show")
def show(dossier: Annotated[str, typer.Option(help="Its code.")], from_file: Files = None) -> None:
    """Show who read and changed a dossier, or tried to, oldest first.

    A list of many dossiers that somebody read is not among them.

    Example: `motcua audit show --dossier H29.15-240307-0001`
    """
    settings = settings_told(AuditSettings)
    shown = 0

    def look(written: Written) -> None:
        nonlocal shown
        if dossier.encode() not in written.bytes:
            return
        try:
            link = read_link(written.bytes)
        except NoLink:
            return  # `verify` says so
        if link.dossier == dossier:
            shown += 1
            for part in link_page(link):
                console.print(part)

    with late_progress(console, "looking") as told:
        _each(settings, from_file, look, told)
    if not shown:
        console.print(Text(f"the audit tells nothing of {dossier}"))


@app.command("export")
def export(
    to: Annotated[Path, typer.Option(help="The file to write: a link a line, as it stands.")],
    begin: Annotated[int, typer.Option("--from-offset", min=0, help="Only from there on.")] = 0,
) -> None:
    """Write the audit to a file, which `verify` and `show` read: before retention deletes it.

    Example: `motcua audit export --to audit-2026-11.jsonl`
    """
    settings = settings_told(AuditSettings)
    written = 0
    try:
        with to.open("xb") as file, late_progress(console, "exporting") as told:

            def write(link: Written) -> None:
                nonlocal written
                written += 1
                file.write(link.bytes.replace(b"\n", b"\\n") + b"\n")

            _each(settings, None, write, told, begin)
    except OSError as error:
        _fail(f"{to}: {error}")
    console.print(Text(f"{to}: {written:,} links"))


@app.command("key")
def key(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(_TELL)}.")],
) -> None:
    """Print the key of a service, for its MOTCUA_AUDIT_KEY; made of MOTCUA_AUDIT_SECRETS.

    Example: `motcua audit key sla`
    """
    if service not in _TELL:
        raise typer.BadParameter(f"one of {', '.join(_TELL)}")
    secrets = settings_told(AuditSettings).secrets()
    if not secrets:
        _fail(
            'MOTCUA_AUDIT_SECRETS is not set; make one with: export MOTCUA_AUDIT_SECRETS="1:'
            '$(openssl rand -hex 32)"'
        )
    typer.echo(secrets.current(service).text())


app.command("stream")(stream)


def _anchors(path: Path | None, key: Path | None) -> Anchors | None:
    if path is None:
        return None
    verifies = public_key(key) if key is not None else None
    return _or_fail(lambda: read_anchors(path, verifies))


def _each(
    settings: Settings,
    files: list[Path] | None,
    look: Callable[[Written], None],
    told: Callable[[int, int], None],
    begin: int = 0,
) -> None:
    async def from_topic() -> None:
        async with audit_log(settings.kafka) as log:
            first = max(begin, log.begins)
            async for batch in log.read(begin):
                for written in batch:
                    look(written)
                if batch:
                    told(batch[-1].offset + 1 - first, log.ends - first)

    def from_files(paths: list[Path]) -> None:
        for path in paths:
            for written in read_file(path):
                look(written)

    if files:
        _or_fail(lambda: from_files(files))
    else:
        _run(from_topic())


def _run(work: Coroutine[Any, Any, T]) -> T:
    return _or_fail(lambda: asyncio.run(work))


def _or_fail(work: Callable[[], T]) -> T:
    """Return what the work returns; end with 2 if it cannot be done."""
    try:
        return work()
    except KafkaError as error:
        _fail(f"the log does not answer: {error!r}")
    except (SecretsMissing, NotAudited, CannotStart, OSError) as error:
        _fail(str(error))


def _show(found: Verified) -> None:
    for part in verified_page(found):
        console.print(part)
    if found.broken:
        raise typer.Exit(1)


def _fail(why: str) -> NoReturn:
    console.print(Text(why, style="red"))
    raise typer.Exit(2)
