"""mongod as a part of the local stack: a replica set `rs0` of one member."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from deploy.access.rights import RIGHTS
from deploy.local.host.part import Ports, Progress
from deploy.local.host.settings import Settings
from deploy.local.mongod import binary as mongod_binary
from deploy.local.secured.database_users import make_admin, make_users, options
from deploy.local.secured.secured import ADMIN, Secured

REPLICA_SET = "rs0"
NOT_YET_INITIALIZED = 94
SMALLEST_CACHE_MB = 256

Client = MongoClient[dict[str, Any]]


class Mongod:
    """A `deploy.local.host.part.Part`."""

    name = "mongod"
    listeners: tuple[str, ...] = ("mongod",)

    def __init__(self, folder: Path, settings: Settings, secured: Secured | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._settings = settings
        self._secured = secured
        # Written when the replica set first had a primary. Before that, nobody was told of this
        # mongod, so there is nothing in it to lose.
        self._born = folder / "born"

    def install(self, _progress: Progress) -> None:
        """Find the program and make it executable."""
        self._program = mongod_binary.executable()

    def prepare(self, _ports: Ports, progress: Progress, _lock: int) -> None:
        """Make the data folder; begin again if the first start was killed before it was done."""
        if self.data.exists() and not self._born.exists():
            progress("mongod: clearing away an unfinished first start")
            shutil.rmtree(self.data)
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self, ports: Ports) -> list[str]:
        """Return mongod's command line."""
        cache_gb = max(SMALLEST_CACHE_MB, self._settings.mongo_cache_mb) / 1024
        parameters = {
            "diagnosticDataCollectionEnabled": "false",
            # A lone member has nobody to hand over to, so it need not linger when it is ended.
            "shutdownTimeoutMillisForSignaledShutdown": "0",
        }
        in_clear = (
            *("--wiredTigerCollectionBlockCompressor", "none"),
            *("--wiredTigerJournalCompressor", "none"),
            *("--wiredTigerIndexPrefixCompression", "false"),
        )
        return [
            str(self._program),
            *("--replSet", REPLICA_SET),
            *("--bind_ip", "127.0.0.1"),
            *("--port", str(ports["mongod"])),
            *("--dbpath", str(self.data)),
            *("--wiredTigerCacheSizeGB", f"{cache_gb:.2f}"),
            *("--oplogSize", "256"),
            *(() if self._settings.mongo_compressed else in_clear),
            *self._asks_for_logins(),
            "--nounixsocket",
            "--quiet",
            *(word for item in parameters.items() for word in ("--setParameter", "=".join(item))),
        ]

    def _asks_for_logins(self) -> list[str]:
        secured = self._secured
        if secured is None:
            return []
        return [
            *("--tlsMode", "requireTLS"),
            *("--tlsCertificateKeyFile", str(secured.mongod)),
            *("--tlsCAFile", str(secured.ca)),
            "--tlsAllowConnectionsWithoutCertificates",
            *("--keyFile", str(secured.mongod_key)),  # with it, everyone has to log in
        ]

    def environment(self) -> dict[str, str]:
        """Return no variables."""
        return {}

    def is_ready(self, ports: Ports) -> bool:
        """Return whether it is primary; initiate the replica set, or tell it of a new port. Make
        the users of a secured one."""
        address = f"127.0.0.1:{ports['mongod']}"
        # Before it was born there is nobody to log in as.
        user = ADMIN if self._born.exists() else None
        with self._client(address, user) as client:
            try:
                hello = client.admin.command("hello")
                if not hello.get("isWritablePrimary"):
                    if user is not None or self._secured is None:
                        _configure(client, address)
                    elif hello.get("isreplicaset"):
                        _initiate(client, address)  # who has not logged in may do that, once
                    return False
                if self._secured is not None:
                    self._tell_rights(client, self._secured, address)
            except ConnectionFailure:
                return False  # not listening yet, or busy with its recovery
        self._born.touch()
        return True

    def _tell_rights(self, client: Client, secured: Secured, address: str) -> None:
        """Make the users, unless they were made with these rights already."""
        digest = sha256(RIGHTS.read_bytes()).hexdigest()
        if self._born.exists() and self._born.read_text() == digest:
            return
        if not self._born.exists():
            make_admin(client, secured)
        with self._client(address, ADMIN) as admin:
            make_users(admin, secured)
        self._born.write_text(digest)

    def _client(self, address: str, user: str | None) -> Client:
        return MongoClient(
            f"mongodb://{address}/?directConnection=true",
            serverSelectionTimeoutMS=300,
            connectTimeoutMS=300,
            socketTimeoutMS=5000,
            **(options(self._secured, user) if self._secured else {}),
        )


def _initiate(client: Client, address: str) -> None:
    members = [{"_id": 0, "host": address}]
    client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})


def _configure(client: Client, address: str) -> None:
    """Give the replica set its one member at `address`, if it has another or none."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as failure:
        if failure.code != NOT_YET_INITIALIZED:
            raise
        _initiate(client, address)
        return
    if [known["host"] for known in config["members"]] != [address]:
        # The port was taken by someone else and has moved.
        members = [{"_id": 0, "host": address}]
        changed = {**config, "version": config["version"] + 1, "members": members}
        client.admin.command("replSetReconfig", changed, force=True)
