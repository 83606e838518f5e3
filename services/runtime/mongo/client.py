"""The one place where a MongoDB client is made: with this process's access to the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from inspect import isawaitable
from typing import Any, TypeAlias

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import AsyncMongoClient

from services.runtime.mongo.access import mongo_access

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = "AsyncIOMotorClient[Document]"
Database: TypeAlias = "AsyncIOMotorDatabase[Document]"
Collection: TypeAlias = "AsyncIOMotorCollection[Document]"

_OPTIONS: dict[str, Any] = {
    # The engine repeats a whole batch when the network fails, and a version in every write
    # fences the repetition; the driver's own retry would only cost a session entry per write.
    "retryWrites": False,
    "w": "majority",
    "tz_aware": True,
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 30_000,
    "appname": "motcua",
}


def client(uri: str, connections: int = 100) -> Client:
    """Return a Motor client with up to so many connections. Nothing is connected until the first
    call.

    Raise AccessWrong if the access makes no sense.
    """
    access = mongo_access().options(uri)
    return AsyncIOMotorClient(uri, maxPoolSize=connections, **access, **_OPTIONS)


def pymongo_client(uri: str) -> AsyncMongoClient[Document]:
    """Return PyMongo's own async client, Motor's successor, with the same options.

    The stores use only calls that both have; their tests run on both.
    """
    return AsyncMongoClient(uri, **mongo_access().options(uri), **_OPTIONS)


async def aggregate(
    collection: Collection, pipeline: Sequence[dict[str, Any]], **options: Any
) -> AsyncIterator[Document]:
    """Yield the pipeline's results. Only one of the two clients wants this call awaited."""
    cursor: Any = collection.aggregate(pipeline, **options)
    if isawaitable(cursor):
        cursor = await cursor
    async for document in cursor:
        yield document
