"""The status page's own settings: how much it takes from one client."""

from __future__ import annotations

from pydantic import Field

from services.notify.settings import NotifySettings


class PageSettings(NotifySettings):
    """The status page. It is told of the channels what notify is told, but for their secrets."""

    guesses_by_code: int = Field(default=10, ge=1)
    """Wrong keys for one dossier code in a quarter of an hour."""
    guesses_by_address: int = Field(default=30, ge=1)
    """Wrong codes and keys from one client address in a quarter of an hour. Beyond this limit, or a
    code's, an address has three more tries at each code: a person with a key still gets in."""
    guesses_mongo: str | None = None
    """The MongoDB where wrong codes and keys, and forms, are counted; by default, that of the
    dossiers. They have a database and connections of their own in any case."""
    forms_by_code: int = Field(default=20, ge=1)
    """Forms (preferences, the rating) that are taken about one dossier in an hour."""
    live_pages: int = Field(default=5_000, ge=0)
    """Status pages that one instance keeps up to date while they are open."""
    live_pages_by_address: int = Field(default=100, ge=0)
    """The same for one client address: a telephone company shows many people as one."""
