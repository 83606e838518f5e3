"""Kafka's storage and its readiness, judged without a broker."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from deploy.local.host.errors import DataUnusable
from deploy.local.host.ports import candidates, is_free
from deploy.local.kafka.config import write_broker
from deploy.local.kafka.probe import broker_ports, serves
from deploy.local.kafka.storage import discard_unformatted, is_formatted


def _answer(*brokers: tuple[str, int, str | None]) -> bytes:
    answer = struct.pack(">iii", 1, 0, len(brokers))
    for node, (host, port, rack) in enumerate(brokers):
        answer += struct.pack(">ih", node, len(host)) + host.encode() + struct.pack(">i", port)
        answer += struct.pack(">h", -1 if rack is None else len(rack)) + (rack or "").encode()
    return answer


def test_brokers_are_read_from_a_metadata_answer() -> None:
    assert broker_ports(_answer()) == []
    assert broker_ports(_answer(("127.0.0.1", 9092, None), ("b", 9093, "rack"))) == [9092, 9093]


def test_a_port_where_nobody_listens_does_not_serve() -> None:
    assert not serves(next(port for port in candidates("nobody") if is_free(port)))


def test_storage_is_formatted_only_as_a_whole(tmp_path: Path) -> None:
    assert not is_formatted(tmp_path)
    (tmp_path / "meta.properties").write_text("cluster.id=x\n")
    assert not is_formatted(tmp_path)
    (tmp_path / "__cluster_metadata-0").mkdir()
    assert is_formatted(tmp_path)


def test_half_formatted_storage_is_discarded(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "__cluster_metadata-0").mkdir(parents=True)
    discard_unformatted(data)
    assert not data.exists()


def test_storage_with_records_is_never_discarded(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "dossier.events-0").mkdir(parents=True)
    (data / "dossier.events-0" / "00000000000000000000.log").write_bytes(b"records")
    with pytest.raises(DataUnusable, match=r"dossier\.events-0"):
        discard_unformatted(data)
    assert data.exists()


def test_the_broker_listens_on_this_machine_only(tmp_path: Path) -> None:
    write_broker(tmp_path / "p", tmp_path, {"kafka": 21000, "controller": 21001})
    settings = dict(
        line.split("=", 1)
        for line in (tmp_path / "p").read_text().splitlines()
        if line and not line.startswith("#")
    )
    addresses = settings["listeners"].split(",")
    assert [address.split("://")[1] for address in addresses] == [
        "127.0.0.1:21000",
        "127.0.0.1:21001",
    ]
    assert settings["auto.create.topics.enable"] == "false"
