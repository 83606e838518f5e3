"""How this process reaches MongoDB, as far as its URI does not say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pymongo.errors import InvalidURI
from pymongo.uri_parser import parse_uri

from services.runtime.access import AccessWrong, password_of, tls_of

PREFIX = "MOTCUA_MONGO_"


class MongoAccess(BaseModel):
    """Every variable is ``MOTCUA_MONGO_`` and the field's name. A password is never shown."""

    model_config = ConfigDict(frozen=True)

    tls: bool = False
    """Whether to speak TLS; a `ca_file` or a `cert_file` says so too."""
    user: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    """Instead of `password`: a file of one line."""
    auth_source: str = "admin"
    """The database that knows the user."""
    ca_file: Path | None = None
    """Certificates that are trusted for servers; None: those that the system trusts."""
    cert_file: Path | None = None
    """The certificate by which this process is known, and its key, in PEM."""

    def options(self, uri: str) -> dict[str, Any]:
        """Return PyMongo's options beside this URI. Raise AccessWrong if they make no sense."""
        try:
            parsed = parse_uri(uri, warn=False)
        except InvalidURI as error:
            raise AccessWrong("MOTCUA_MONGO is no URI of MongoDB: mongodb://HOST:PORT/") from error
        found: dict[str, Any] = {}
        if self.tls or self.ca_file is not None or self.cert_file is not None:
            tls_of(PREFIX, self.ca_file, self.cert_file, None)  # said before the first connection
            found["tls"] = True
            if self.ca_file is not None:
                found["tlsCAFile"] = str(self.ca_file)
            if self.cert_file is not None:
                found["tlsCertificateKeyFile"] = str(self.cert_file)
        password = password_of(PREFIX, self.user, self.password, self.password_file)
        if password is not None:
            if parsed["username"] is not None:
                raise AccessWrong(
                    f"{PREFIX}USER is set, and MOTCUA_MONGO names a user too: take one of them away"
                )
            found |= {
                "username": self.user,
                "password": password,
                "authSource": self.auth_source,
            }
        return found


class _FromEnvironment(MongoAccess, BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )


def mongo_access() -> MongoAccess:
    """Return what the environment says. Raise AccessWrong for a value that there is not."""
    try:
        return _FromEnvironment()
    except ValidationError as error:
        # Pydantic's own text repeats what was typed, and a password may stand in a wrong place.
        name = str(error.errors()[0]["loc"][0])
        known = "true or false" if name == "tls" else "a text"
        raise AccessWrong(f"{PREFIX}{name.upper()} must be {known}") from None
