"""How this process reaches Kafka: in clear or over TLS, without a login or with one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.runtime.access import AccessWrong, password_of, tls_of

PREFIX = "MOTCUA_KAFKA_"


class Protocol(StrEnum):
    """Kafka's own names."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def encrypts(self) -> bool:
        """Whether the connection is one of TLS."""
        return self in (Protocol.SSL, Protocol.SASL_SSL)

    @property
    def logs_in(self) -> bool:
        """Whether a user and a password are asked for."""
        return self in (Protocol.SASL_PLAINTEXT, Protocol.SASL_SSL)


class Mechanism(StrEnum):
    """How a password is proven. With PLAIN the broker is told it."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class KafkaAccess(BaseModel):
    """Every variable is ``MOTCUA_KAFKA_`` and the field's name. A password is never shown."""

    model_config = ConfigDict(frozen=True)

    security_protocol: Protocol = Protocol.PLAINTEXT
    sasl_mechanism: Mechanism | None = None
    user: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    """Instead of `password`: a file of one line."""
    ca_file: Path | None = None
    """Certificates that are trusted for brokers; None: those that the system trusts."""
    cert_file: Path | None = None
    """The certificate by which this process is known, in PEM."""
    key_file: Path | None = None
    """Its key; None: it stands in `cert_file`."""

    def options(self) -> dict[str, Any]:
        """Return aiokafka's options for this access. Raise AccessWrong if it makes no sense."""
        protocol = self.security_protocol
        if not protocol.encrypts:
            self._refuse("over TLS", "SSL or SASL_SSL", "ca_file", "cert_file", "key_file")
        if not protocol.logs_in:
            login = ("sasl_mechanism", "user", "password", "password_file")
            self._refuse("with a login", "SASL_SSL", *login)
        found: dict[str, Any] = {"security_protocol": protocol.value}
        if protocol.encrypts:
            found["ssl_context"] = tls_of(PREFIX, self.ca_file, self.cert_file, self.key_file)
        if protocol.logs_in:
            if self.sasl_mechanism is None or self.user is None:
                missing = "USER" if self.sasl_mechanism else "SASL_MECHANISM"
                raise AccessWrong(
                    f"{PREFIX}SECURITY_PROTOCOL is {protocol} and {PREFIX}{missing} is not set: "
                    + ("set it" if missing == "USER" else f"set {_named(Mechanism)}")
                )
            found["sasl_mechanism"] = self.sasl_mechanism.value
            found["sasl_plain_username"] = self.user
            found["sasl_plain_password"] = password_of(
                PREFIX, self.user, self.password, self.password_file
            )
        return found

    def _refuse(self, what: str, instead: str, *names: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise AccessWrong(
                    f"{PREFIX}{name.upper()} is set, but {PREFIX}SECURITY_PROTOCOL is "
                    f"{self.security_protocol}, which is not {what}: set {instead}, or take "
                    f"{PREFIX}{name.upper()} away"
                )


class _FromEnvironment(KafkaAccess, BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )


def kafka_access() -> KafkaAccess:
    """Return what the environment says. Raise AccessWrong for a value that there is not."""
    try:
        return _FromEnvironment()
    except ValidationError as error:
        # Pydantic's own text repeats what was typed, and a password may stand in a wrong place.
        name = str(error.errors()[0]["loc"][0])
        kinds = {"security_protocol": Protocol, "sasl_mechanism": Mechanism}
        known = f"one of {_named(kinds[name])}" if name in kinds else "a text"
        raise AccessWrong(f"{PREFIX}{name.upper()} must be {known}") from None


def _named(kind: type[StrEnum]) -> str:
    return ", ".join(kind)
