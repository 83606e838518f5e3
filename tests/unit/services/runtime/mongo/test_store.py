"""What a bulk write's errors mean; what MongoDB itself does with it is in tests/integration."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from pymongo.errors import BulkWriteError

from services.runtime.core.stored import Stored
from services.runtime.mongo.store import Fenced, Store

_DUPLICATE_KEY, _DISK_FULL = 11000, 14031


class _State(msgspec.Struct, frozen=True):
    pass


class _Collection:
    """Answers every bulk write with these errors."""

    def __init__(self, *codes: int) -> None:
        self._errors = [{"code": code, "index": n} for n, code in enumerate(codes)]

    def with_options(self, **_: Any) -> _Collection:
        return self

    async def bulk_write(self, *_: Any, **__: Any) -> None:
        raise BulkWriteError({"writeErrors": self._errors})


@pytest.mark.parametrize(
    ("codes", "raised"),
    [
        ((_DUPLICATE_KEY,), Fenced),
        ((_DUPLICATE_KEY, _DUPLICATE_KEY), Fenced),
        ((_DISK_FULL,), BulkWriteError),
        ((_DUPLICATE_KEY, _DISK_FULL), BulkWriteError),
        ((), BulkWriteError),
    ],
)
async def test_only_what_others_wrote_first_is_fenced(
    codes: tuple[int, ...], raised: type[Exception]
) -> None:
    store = Store(cast("Any", _Collection(*codes)), _State)
    with pytest.raises(raised):
        await store.persist([Stored("purse-1", 0, _State()), Stored("purse-2", 0, _State())])
