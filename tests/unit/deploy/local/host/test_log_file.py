"""Logs and programs on the disk: read from their ends, rotated, made executable."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.host.errors import log_tail
from deploy.local.host.log_file import disk_usage, rotate
from deploy.local.mongod.binary import runnable
from deploy.local.stack.follow import follow


def test_the_tail_of_a_log_is_its_last_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert "no log" in log_tail(log)
    log.write_text("".join(f"line {number} {'x' * 500}\n" for number in range(100)))
    assert [line.split()[1] for line in log_tail(log, 3).splitlines()] == ["97", "98", "99"]


def test_following_goes_on_where_the_tail_ended_and_survives_a_replaced_file(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    lines = follow({"kafka": log}, 1, forever=True)
    assert next(lines) == ("kafka", "two\n")
    log.write_text("one\ntwo\nthree\n")
    assert next(lines) == ("kafka", "three\n")
    log.write_text("new\n")
    assert next(lines) == ("kafka", "new\n")


def test_a_large_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "log"
    rotate(log, largest=3)
    log.write_text("1234")
    rotate(log, largest=3)
    assert not log.exists()
    assert (tmp_path / "log.1").read_text() == "1234"


def test_sparse_files_count_for_what_they_hold(tmp_path: Path) -> None:
    with (tmp_path / "index").open("wb") as index:
        index.truncate(10 * 2**20)
    assert disk_usage(tmp_path) < 2**20
    assert disk_usage(tmp_path / "none") == 0


def test_a_program_is_made_executable_where_it_is(tmp_path: Path) -> None:
    program = tmp_path / "mongod"
    program.write_bytes(b"")
    program.chmod(0o644)
    assert runnable(program, tmp_path / "copy") == program
    assert program.stat().st_mode & 0o111


def test_a_program_that_may_not_be_changed_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mongod"
    program.write_bytes(b"program")
    program.chmod(0o644)
    change = Path.chmod

    def refuse(path: Path, mode: int) -> None:
        if path == program:
            raise PermissionError(path)
        change(path, mode)

    monkeypatch.setattr(Path, "chmod", refuse)
    copy = tmp_path / "cache" / "mongod"
    assert runnable(program, copy) == copy
    assert copy.read_bytes() == b"program"
    assert copy.stat().st_mode & 0o111
