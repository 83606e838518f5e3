"""A dossier that routing has just heard of."""

from __future__ import annotations

import pytest

from tests.support.routing_dossiers import RECEIVED, Dossier


@pytest.fixture
def dossier() -> Dossier:
    found = Dossier()
    found.told(RECEIVED)
    return found
