"""A secured stack's certificates and users: made once, kept with its data, gone with a reset.

In its folder: `ca.pem`, whom to trust; of each user `NAME.env`, variables with which a service or a
command is this user, and `NAME.password`; and what broker and database themselves need.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.access.rights import load_rights
from deploy.local.secured.certificates import make_authority, make_certificate, write_secret

ADMIN = "admin"
"""May do everything, at the broker and in the database."""
BROKER = "broker"
"""The broker's own user, and the name in its certificate."""
MECHANISM = "SCRAM-SHA-512"


class Secured:
    """Certificates and users in a folder. Making the object touches no file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        self.broker = folder / "broker.pem"
        """The broker's key and certificate."""
        self.mongod = folder / "mongod.pem"
        self.mongod_key = folder / "mongod.key"
        """What members of the replica set know each other by."""

    @property
    def exists(self) -> bool:
        """Whether all of it was made."""
        return self.folder.exists()

    @property
    def users(self) -> tuple[str, ...]:
        """Every user: the services, the operator, the administrator."""
        return (*(rights.user for rights in load_rights()), ADMIN)

    def prepare(self, like: Path | None = None) -> None:
        """Make all of it, or nothing if this is killed meanwhile; do nothing if it is there.

        `like`: the folder of another one, to be copied instead.
        """
        if self.exists:
            return
        staging = self.folder.with_name(f"{self.folder.name}.making")
        shutil.rmtree(staging, ignore_errors=True)
        if like is not None:
            shutil.copytree(like, staging)
            staging.rename(self.folder)
            return
        staging.mkdir(parents=True, mode=0o700)
        made = Secured(staging)
        authority = make_authority(made.ca, staging / "ca-key.pem")
        make_certificate(authority, made.broker, BROKER)
        make_certificate(authority, made.mongod, "mongod")
        write_secret(made.mongod_key, secrets.token_hex(128).encode())  # base64's letters
        for user in (*self.users, BROKER):
            write_secret(made._password_file(user), secrets.token_urlsafe(24).encode())
        staging.rename(self.folder)

    def password(self, user: str) -> str:
        """Return a user's password."""
        return self._password_file(user).read_text()

    def write_environments(self, kafka: str, mongo: str) -> None:
        """Write each user's `NAME.env`: it names the ports, which may have moved."""
        for user in self.users:
            told = {"MOTCUA_KAFKA": kafka, "MOTCUA_MONGO": f'"{mongo}"', **self.environment(user)}
            lines = "".join(f"{name}={value}\n" for name, value in told.items())
            write_secret(self.folder / f"{user}.env", lines.encode())

    def environment(self, user: str) -> dict[str, str]:
        """Return the variables with which a service or a command is this user."""
        return {
            "MOTCUA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "MOTCUA_KAFKA_SASL_MECHANISM": MECHANISM,
            **{f"MOTCUA_{where}_{name}": value for where, name, value in self._both(user)},
        }

    def _both(self, user: str) -> Iterator[tuple[str, str, str]]:
        of_user: Mapping[str, object] = {
            "USER": user,
            "PASSWORD_FILE": self._password_file(user),
            "CA_FILE": self.ca,
        }
        for where in ("KAFKA", "MONGO"):
            yield from ((where, name, str(value)) for name, value in of_user.items())

    def _password_file(self, user: str) -> Path:
        return self.folder / f"{user}.password"
