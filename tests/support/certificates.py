"""Certificates of a test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploy.local.secured.certificates import make_authority, make_certificate


@dataclass(frozen=True)
class Certificates:
    """Files in PEM."""

    ca: Path
    cert: Path
    """A certificate of 127.0.0.1, and its key."""


def certificates(folder: Path) -> Certificates:
    """An authority and one certificate of it."""
    authority = make_authority(folder / "ca.pem", folder / "ca-key.pem")
    made = make_certificate(authority, folder / "cert.pem", "tests")
    return Certificates(folder / "ca.pem", made)
