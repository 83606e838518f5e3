"""The status page's settings: its public address, and how much it takes from one client."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from services.shared.lookup_secrets import LookupSettings


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("write it like https://hoso.example.vn, without ? and #")
    return url.rstrip("/")


class PageSettings(LookupSettings):
    """The status page, which notify serves to citizens."""

    public_url: Annotated[str, AfterValidator(_web_address)] | None = None
    """The address at which citizens reach the status page. Messages and receipts contain it; if it
    is not set, they contain no address."""
    page: bool = True
    """Whether notify's engines and sender serve the status page in their own process, too. Off
    where `python -m services.notify.public` serves it."""
    guesses_by_code: int = Field(default=10, ge=1)
    """Wrong keys for one dossier code in a quarter of an hour."""
    guesses_by_address: int = Field(default=30, ge=1)
    """Wrong codes and keys from one client address in a quarter of an hour. Beyond this limit, or a
    code's, an address has three more tries at each code: a person with a key still gets in."""
    guesses_mongo: str | None = None
    """The MongoDB where wrong codes and keys are counted; by default, that of the dossiers. They
    have a database and connections of their own in any case."""
    forms_by_code: int = Field(default=20, ge=1)
    """Forms (preferences, the rating) that are taken about one dossier in an hour."""
    live_pages: int = Field(default=5_000, ge=0)
    """Status pages that one instance keeps up to date while they are open."""
    live_pages_by_address: int = Field(default=100, ge=0)
    """The same for one client address: a telephone company shows many people as one."""
