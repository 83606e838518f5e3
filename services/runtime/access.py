"""What the ways to broker and database have in common: a password, files, and what is wrong."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from services.runtime.refusal import SettingsWrong

if TYPE_CHECKING:
    from pydantic import SecretStr


class AccessWrong(SettingsWrong):
    """Broker or database cannot be reached as the settings say.

    The text names the variable and the remedy, never a password.
    """


def password_of(
    prefix: str, user: str | None, password: SecretStr | None, file: Path | None
) -> str | None:
    """Return the password of a user; None without a user. `prefix`: that of the variables.

    Raise AccessWrong unless a user has exactly one password, and nobody has one without a user.
    """
    if user is None:
        for name, value in (("PASSWORD", password), ("PASSWORD_FILE", file)):
            if value is not None:
                raise AccessWrong(f"{prefix}{name} is set without {prefix}USER: set that too")
        return None
    if (password is None) == (file is None):
        what = "neither" if password is None else "both"
        raise AccessWrong(
            f"{prefix}USER is set, and {what} of {prefix}PASSWORD and {prefix}PASSWORD_FILE: "
            "set one of them"
        )
    if password is not None:
        return password.get_secret_value()
    assert file is not None
    text = readable(f"{prefix}PASSWORD_FILE", file).strip()
    if not text or "\n" in text:
        raise AccessWrong(f"{prefix}PASSWORD_FILE: {file} must hold one line, the password")
    return text


def readable(variable: str, path: Path) -> str:
    """Return what is in the file that a variable names. Raise AccessWrong if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise AccessWrong(f"{variable}: {path} cannot be read: {why}") from error


def tls_of(prefix: str, ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a context that checks the other side's certificate and its name.

    `ca`: whose certificates are trusted; None: those that the system trusts. `cert` and `key`: what
    this process shows of itself; without `key` it stands in `cert`. Raise AccessWrong for a file
    that is not what it should be.
    """
    if ca is not None:
        readable(f"{prefix}CA_FILE", ca)
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise AccessWrong(f"{prefix}CA_FILE: {ca} holds no certificate in PEM") from error
    if cert is not None:
        readable(f"{prefix}CERT_FILE", cert)
        if key is not None:
            readable(f"{prefix}KEY_FILE", key)
        try:
            # Never asked for a passphrase: nobody would be there to type it.
            context.load_cert_chain(cert, key, password="")
        except ssl.SSLError as error:
            raise AccessWrong(
                f"{prefix}CERT_FILE: {cert} and its key are no pair in PEM, or the key has a "
                f"passphrase: {error.reason}"
            ) from error
    elif key is not None:
        raise AccessWrong(f"{prefix}KEY_FILE is set without {prefix}CERT_FILE: set that too")
    return context
