"""Ports of a stack: kept while they can be, moved when they must, never when they were fixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.host import ports
from deploy.local.host.errors import PortBusy, StackError
from deploy.local.host.settings import PORT_NAMES


def _all_free(_: int) -> bool:
    return True


def test_each_listener_gets_a_port_of_its_own() -> None:
    chosen = ports.choose("a", {}, {}, free=_all_free)
    assert set(chosen) == set(PORT_NAMES)
    assert len(set(chosen.values())) == len(PORT_NAMES)


def test_the_same_checkout_gets_the_same_ports_and_another_gets_others() -> None:
    first = ports.choose("a", {}, {}, free=_all_free)
    assert ports.choose("a", {}, {}, free=_all_free) == first
    assert ports.choose("b", {}, {}, free=_all_free) != first


def test_remembered_ports_stay() -> None:
    remembered = {name: 30000 + number for number, name in enumerate(PORT_NAMES)}
    assert ports.choose("a", remembered, {}, free=_all_free) == remembered


def test_only_the_port_that_was_taken_moves() -> None:
    remembered = {name: 30000 + number for number, name in enumerate(PORT_NAMES)}
    chosen = ports.choose("a", remembered, {}, free=lambda port: port != remembered["kafka"])
    moved = {name for name in PORT_NAMES if chosen[name] != remembered[name]}
    assert moved == {"kafka"}


def test_the_port_of_a_running_part_stays_although_it_is_not_free() -> None:
    remembered = {name: 30000 + number for number, name in enumerate(PORT_NAMES)}
    chosen = ports.choose(
        "a", remembered, {}, ours=["mongod"], free=lambda port: port != remembered["mongod"]
    )
    assert chosen == remembered


def test_a_fixed_port_that_is_taken_is_an_error_which_names_it_and_the_remedy() -> None:
    with pytest.raises(PortBusy, match=r"29092 for kafka[\s\S]*MOTCUA_STACK_KAFKA_PORT"):
        ports.choose("a", {}, {"kafka": 29092}, free=lambda port: port != 29092)


def test_a_fixed_port_does_not_go_to_another_listener() -> None:
    first = next(ports.candidates("a"))
    chosen = ports.choose("a", {}, {"smtp": first}, free=_all_free)
    assert chosen["smtp"] == first
    assert list(chosen.values()).count(first) == 1


def test_a_running_part_is_not_moved_to_a_port_fixed_later() -> None:
    with pytest.raises(StackError, match="stack down"):
        ports.choose("a", {"kafka": 30000}, {"kafka": 30001}, ours=["kafka"], free=_all_free)


def test_ports_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    assert ports.load(path) == {}
    ports.save(path, {"kafka": 30000, "smtp": 30001})
    assert ports.load(path) == {"kafka": 30000, "smtp": 30001}
