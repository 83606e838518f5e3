"""No task beside the engines fails, or ends, unseen."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from services.runtime import supervised
from services.runtime.supervised import EndedByItself, Supervised


@pytest.fixture(autouse=True)
def _a_log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test configured writes to an output that is closed by now, or says little."""
    whole = structlog.make_filtering_bound_logger("DEBUG")
    log = structlog.wrap_logger(structlog.ReturnLogger(), wrapper_class=whole)
    monkeypatch.setattr(supervised, "log", log)


class Work:
    """Goes on for ever; says that it has begun and that it has ended."""

    def __init__(self) -> None:
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()


async def raises(error: Exception) -> None:
    raise error


async def returns() -> None:
    pass


async def failure(tasks: Supervised) -> BaseException | None:
    await asyncio.wait([tasks.failed], timeout=30)
    return tasks.failed.exception()


async def test_work_ends_with_the_block() -> None:
    tasks, work = Supervised(), Work()
    async with tasks.during(work=work()):
        await work.begun.wait()
        assert not work.ended.is_set()
    assert work.ended.is_set()
    assert not tasks.failed.done()


async def test_what_a_task_raises_is_the_service_s_failure() -> None:
    tasks, work, error = Supervised(), Work(), ZeroDivisionError()
    async with tasks.during(fine=work(), broken=raises(error)):
        assert await failure(tasks) is error
        assert not work.ended.is_set(), "the others go on until they are stopped"


async def test_so_is_the_end_of_one_that_has_none() -> None:
    tasks = Supervised()
    tasks.start(returns(), "http")
    assert isinstance(found := await failure(tasks), EndedByItself)
    assert str(found) == "http"


async def test_a_task_that_was_cancelled_by_somebody_else_has_ended_too() -> None:
    tasks, work = Supervised(), Work()
    task = tasks.start(work(), "progress")
    await work.begun.wait()
    task.cancel()
    assert isinstance(await failure(tasks), EndedByItself)


async def test_one_that_ends_by_itself_may_end_and_may_not_fail() -> None:
    tasks = Supervised()
    await tasks.start(returns(), "a message", ends=True)
    assert not tasks.failed.done()
    tasks.start(raises(KeyError("k")), "another", ends=True)
    assert isinstance(await failure(tasks), KeyError)


async def test_the_first_failure_counts_and_the_others_are_logged() -> None:
    tasks = Supervised()
    with capture_logs() as logs:
        tasks.fail(KeyError("first"))
        tasks.fail(KeyError("second"))
    assert str(tasks.failed.exception()) == "'first'"
    assert [(x["event"], x["log_level"]) for x in logs] == [("another defect", "critical")]


async def test_what_is_raised_while_a_task_ends_is_logged_and_fails_nothing() -> None:
    tasks, begun = Supervised(), asyncio.Event()

    async def fails_at_its_end() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            raise ConnectionError("closing")

    task = tasks.start(fails_at_its_end(), "snapshots")
    await begun.wait()
    with capture_logs() as logs:
        await tasks.stop(task)
    assert not tasks.failed.done()
    assert [(x["task"], str(x["exc_info"])) for x in logs] == [("snapshots", "closing")]


async def test_a_task_that_is_waited_for_is_not_cancelled() -> None:
    tasks, may_end = Supervised(), asyncio.Event()

    async def finishes() -> None:
        await may_end.wait()

    task = tasks.start(finishes(), "sender")
    may_end.set()
    await tasks.stop(task, cancel=False)
    assert not task.cancelled()
    assert not tasks.failed.done()


async def test_all_are_stopped_that_are_left() -> None:
    tasks, works = Supervised(), [Work() for _ in range(3)]
    for work in works:
        tasks.start(work(), "work")
        await work.begun.wait()
    await tasks.stop_all()
    assert all(work.ended.is_set() for work in works)
    with pytest.raises(asyncio.InvalidStateError):
        tasks.failed.result()
