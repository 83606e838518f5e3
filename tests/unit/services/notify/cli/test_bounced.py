"""``motcua message bounced`` hands on what bounced, and tells the mail server what to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.local.fakes.gateway.part import SECRET
from deploy.local.fakes.smtp.accepted import accepted_now
from deploy.local.fakes.smtp.bounces import report
from motcua.cli import build
from services.notify.channels.standard_webhooks import BadSignature, check, key_of

pytestmark = pytest.mark.slow

OURS = "H29.15-240307-0001:0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER = "whsec_" + "A" * 32
TO = "nguyen.van.an@example.test"
_SENT = accepted_now("mot-cua@example.test", [TO], b"Subject: x\r\n\r\n")
BOUNCE = report(_SENT, TO, OURS)
OF_ANOTHER = report(_SENT, TO, "of another")


class Notify(ThreadingHTTPServer):
    """Answers as it is told to, and keeps what was signed well."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.answer = 204
        self.taken: list[tuple[str, str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Asked(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Notify)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            check([key_of(SECRET)], headers, body, time.time())
        except BadSignature:
            self.send_response(401)
        else:
            self.server.taken.append((self.path, headers["content-type"], body))
            self.send_response(self.server.answer)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(204)  # nobody is to come here after a redirection
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def notify() -> Iterator[Notify]:
    with Notify() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def bounced(to: str, mail: bytes, *words: str, **environment: str) -> Result:
    return CliRunner().invoke(
        build(),
        ["message", "bounced", "--to", to, *words],
        input=mail,
        env={"MOTCUA_SMTP_SECRET": None, "MOTCUA_SMTP2_SECRET": None, **environment},
    )


def test_a_bounce_is_handed_on_as_it_came_and_signed(notify: Notify, tmp_path: Path) -> None:
    to, secret = f"{notify.url}/receipts/email", tmp_path / "secret"
    secret.write_text(f"{SECRET} {OTHER}\n")
    assert bounced(to, BOUNCE, MOTCUA_SMTP_SECRET=SECRET).exit_code == 0
    assert (
        bounced(to, BOUNCE, "--secret-file", str(secret), MOTCUA_SMTP_SECRET=OTHER).exit_code == 0
    )
    second = bounced(f"{to}2", BOUNCE, MOTCUA_SMTP_SECRET=OTHER, MOTCUA_SMTP2_SECRET=SECRET)
    assert (second.exit_code, second.output) == (0, "")
    paths = ["/receipts/email", "/receipts/email", "/receipts/email2"]
    assert notify.taken == [(path, "message/rfc822", BOUNCE) for path in paths]


@pytest.mark.parametrize(
    ("mail", "says"),
    [
        (b"", "no delivery status notification"),
        (b"From: a@example.test\n\nThank you", "no delivery status notification"),
        (OF_ANOTHER, "no mail of ours"),
        (BOUNCE + b"x" * 300_000, "more than"),
    ],
)
def test_what_is_no_bounce_of_ours_stays_here_and_nothing_goes_back(
    notify: Notify, mail: bytes, says: str
) -> None:
    result = bounced(f"{notify.url}/receipts/email", mail, MOTCUA_SMTP_SECRET=SECRET)
    assert (result.exit_code, notify.taken) == (0, [])
    assert says in result.stderr
    assert TO not in result.output


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        *((status, 75) for status in (200, 302, 307, 400, 403, 404, 408, 429, 500, 502, 503, 504)),
        (413, 65),
        (422, 65),
    ],
)
def test_only_what_notify_will_never_take_is_given_up(
    notify: Notify, answer: int, code: int
) -> None:
    notify.answer = answer
    result = bounced(f"{notify.url}/receipts/email", BOUNCE, MOTCUA_SMTP_SECRET=SECRET)
    assert (result.exit_code, len(notify.taken)) == (code, 1)
    assert str(answer) in result.stderr


@pytest.mark.parametrize("secret", [None, "", "hunter2", OTHER])
def test_a_secret_that_is_none_or_another_keeps_the_mail_and_is_not_repeated(
    notify: Notify, secret: str | None, tmp_path: Path
) -> None:
    told = {} if secret is None else {"MOTCUA_SMTP_SECRET": secret}
    to, file = f"{notify.url}/receipts/email", tmp_path / "secret"
    results = [bounced(to, BOUNCE, **told)]
    if secret is not None:
        file.write_text(secret)
    results.append(bounced(to, BOUNCE, "--secret-file", str(file)))
    for result in results:
        assert result.exit_code == 75
        assert secret is None or secret == "" or secret not in result.output
    assert notify.taken == []


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:1/receipts/email", "file:///etc/passwd", "nowhere", "http://[::1"]
)
def test_without_notify_the_mail_is_kept(to: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    result = bounced(to, BOUNCE, "--secret-file", str(tmp_path / "secret"))
    assert result.exit_code == 75
    assert "cannot be reached" in result.stderr
