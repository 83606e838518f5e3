"""Stacks that ask for a login, and tests that log in as their administrator."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from deploy.local.secured.secured import ADMIN, Secured
from services.runtime.mongo.access import mongo_access


def secure_all_stacks() -> None:
    """Makes every stack of this process a secured one, all with one authority and the same users,
    and this process their administrator."""
    folder = Path(tempfile.mkdtemp(prefix="motcua-secured-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    secured = Secured(folder / "secured")
    secured.prepare()
    os.environ |= {
        "MOTCUA_STACK_SECURED": "1",
        "MOTCUA_STACK_SECURED_LIKE": str(secured.folder),
        **secured.environment(ADMIN),
    }


def mongo_client(uri: str, **options: Any) -> MongoClient[dict[str, Any]]:
    """A client of PyMongo's, with this process's access to the database."""
    return MongoClient(uri, **mongo_access().options(uri), **options)
