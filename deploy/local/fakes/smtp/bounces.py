"""The bounces of the local mail server: it accepts a mail, and says later that it did not arrive.

It does so for every address that begins with `bounces-`. The report is what a mail server writes
(RFC 3464). There is no mailbox here, so it does not go by mail: it is passed on as `motcua message
bounced` does it, to the latest address that the server was told.
"""

from __future__ import annotations

import sys
from email.generator import BytesGenerator
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.parser import BytesHeaderParser
from email.utils import formatdate, make_msgid
from io import BytesIO

from deploy.local.fakes.signed_posts import SignedPosts
from deploy.local.fakes.smtp.accepted import AcceptedMail

HOST = "motcua.local"


class Bounces:
    """Reports what did not arrive. Use it on one event loop; any thread may set its address."""

    def __init__(self, posts: SignedPosts) -> None:
        self.to: str | None = None
        """Where notify takes bounces; None until the server is told."""
        self._posts = posts

    def owe(self, entry: AcceptedMail, envelope_id: str | None, after: float) -> None:
        """Send an accepted mail's bounces, if it has any, after this many seconds."""
        for recipient in entry.rcpt_to:
            if not recipient.startswith("bounces-"):
                continue
            if self.to is None:
                sys.stderr.write("a bounce is dropped: nobody said where to\n")
            else:
                body = report(entry, recipient, envelope_id)
                self._posts.owe(self.to, body, "message/rfc822", after)


def report(entry: AcceptedMail, recipient: str, envelope_id: str | None) -> bytes:
    """Return the mail that says that `entry` did not reach its recipient: by RFC 6522, in 3
    parts."""
    says = f"550 5.1.1 <{recipient}>: there is no such mailbox"
    about = {
        "Reporting-MTA": f"dns; {HOST}",
        **({"Original-Envelope-Id": envelope_id} if envelope_id else {}),
        "Arrival-Date": formatdate(usegmt=True),
    }
    outcome = {
        "Final-Recipient": f"rfc822; {recipient}",
        "Action": "failed",
        "Status": "5.1.1",
        "Diagnostic-Code": f"smtp; {says}",
    }
    mail = MIMEMultipart("report", report_type="delivery-status")
    mail["From"] = f"Mail delivery <MAILER-DAEMON@{HOST}>"
    mail["To"] = entry.mail_from
    mail["Subject"] = "Undelivered mail"
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = make_msgid(domain=HOST)
    mail["Auto-Submitted"] = "auto-replied"
    mail.attach(MIMEText(f"Your mail did not reach its recipient.\n\n{says}\n"))
    mail.attach(_groups(about, outcome))
    returned = Message()
    returned["Content-Type"] = "text/rfc822-headers"
    # This is all that was asked for (RET=HDRS), and all that is needed.
    headers = BytesHeaderParser().parsebytes(entry.raw)
    returned.set_payload("".join(f"{name}: {value}\n" for name, value in headers.raw_items()))
    mail.attach(returned)
    written = BytesIO()
    BytesGenerator(written).flatten(mail, linesep="\r\n")
    return written.getvalue()


def _groups(*groups: dict[str, str]) -> Message:
    """Return the part for programs: groups of fields, with an empty line between them."""
    part = Message()
    part["Content-Type"] = "message/delivery-status"
    for fields in groups:
        group = Message()
        for name, value in fields.items():
            group[name] = value
        part.attach(group)
    return part
