"""What a caller gets from the local stack: addresses, and the state of each part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from deploy.local.secured.secured import Secured


@dataclass(frozen=True)
class Endpoints:
    """Where the running stack is reached; everything listens on 127.0.0.1 only."""

    kafka: str
    """Bootstrap server, `host:port`."""
    mongo: str
    """MongoDB URI of the one-member replica set."""
    smtp: str
    """`host:port` of the SMTP server."""
    smtp_page: str
    """Address of the page that shows the mail that arrived; `/ledger` is the NDJSON."""
    smtp_ledger: Path
    """The append-only file of every message that was answered with 250."""
    gateway: str
    """Address of the gateway for SMS and Zalo; its token and secret are in
    `deploy.local.fakes.gateway.part`."""
    gateway_page: str
    """Address of the page that shows what the gateway accepted; `/ledger` is the NDJSON, and
    `/control` changes how it behaves."""
    gateway_ledger: Path
    """The append-only file of every message that the gateway accepted."""
    oidc: str
    """The issuer of the identity provider, for `MOTCUA_OIDC_ISSUER`; `motcua token` asks it."""
    secured: Path | None = None
    """Where `NAME.env` of each user is, if broker and database ask for a login."""

    def environment(self, user: str) -> dict[str, str]:
        """Return the variables with which a service or a command is this user."""
        return {} if self.secured is None else Secured(self.secured).environment(user)


def endpoints_from(
    ports: dict[str, int], smtp_ledger: Path, gateway_ledger: Path, secured: Path | None = None
) -> Endpoints:
    """Return the addresses that belong to these ports."""
    return Endpoints(
        kafka=f"127.0.0.1:{ports['kafka']}",
        mongo=f"mongodb://127.0.0.1:{ports['mongod']}/?replicaSet=rs0&directConnection=true",
        smtp=f"127.0.0.1:{ports['smtp']}",
        smtp_page=f"http://127.0.0.1:{ports['smtp_page']}",
        smtp_ledger=smtp_ledger,
        gateway=f"http://127.0.0.1:{ports['gateway']}",
        gateway_page=f"http://127.0.0.1:{ports['gateway_page']}",
        gateway_ledger=gateway_ledger,
        oidc=f"http://127.0.0.1:{ports['oidc']}",
        secured=secured,
    )


class State(StrEnum):
    """What a part is doing."""

    RUNNING = "running"
    NOT_ANSWERING = "not answering"
    """The process exists but does not (yet) serve."""
    STOPPED = "stopped"


@dataclass(frozen=True)
class PartStatus:
    """One line of `stack status`."""

    part: str
    state: State
    pid: int | None
    port: int | None
    """The port that clients use; None before the first `up`."""
    rss_bytes: int | None
    uptime_s: float | None
    data_bytes: int
    """Disk blocks in use by its data; for sparse files this is less than their length."""
    log: Path
