"""Makes the users of a secured stack's database, as soon as it can be written to."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.access.rights import load_rights
from deploy.local.secured.secured import ADMIN, Secured

_NOT_ALLOWED, _USER_EXISTS = 13, 51003


def options(secured: Secured, user: str | None = ADMIN) -> dict[str, Any]:
    """Return PyMongo's options for a user of a secured stack; None: nobody yet."""
    login = {} if user is None else {"username": user, "password": secured.password(user)}
    return {"tls": True, "tlsCAFile": str(secured.ca), **login}


def make_admin(client: MongoClient[dict[str, Any]], secured: Secured) -> None:
    """Make the administrator. It is allowed to who comes from this machine, once."""
    roles = [{"role": "root", "db": "admin"}]
    try:
        client.admin.command("createUser", ADMIN, pwd=secured.password(ADMIN), roles=roles)
    except OperationFailure as failure:
        if failure.code not in (_USER_EXISTS, _NOT_ALLOWED):  # a look before this one made it
            raise


def make_users(client: MongoClient[dict[str, Any]], secured: Secured) -> None:
    """Make the users who have to do with the database, or give them today's roles."""
    for rights in filter(lambda each: each.databases, load_rights()):
        roles = [{"role": role, "db": name} for name, role in rights.databases.items()]
        password = secured.password(rights.user)
        try:
            client.admin.command("createUser", rights.user, pwd=password, roles=roles)
        except OperationFailure as failure:
            if failure.code != _USER_EXISTS:
                raise
            client.admin.command("updateUser", rights.user, pwd=password, roles=roles)
