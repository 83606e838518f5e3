"""What is delivered has arrived; what may not have been read is sent again, in order."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from services.runtime.audit.outlets import outlet_of
from services.runtime.audit.security_events import octet_counted
from services.runtime.refusal import SettingsWrong
from tests.support.certificates import certificates
from tests.support.collector import Collector
from tests.support.eventually import eventually


def framed(*numbers: int) -> list[bytes]:
    return [octet_counted(b"%d" % number) for number in numbers]


async def test_what_was_written_has_arrived() -> None:
    with Collector() as collector:
        outlet = outlet_of(f"tcp://127.0.0.1:{collector.port}")
        await outlet.write(framed(*range(1_000)))
        eventually(lambda: len(collector.messages) == 1_000)
        assert collector.messages == [b"%d" % n for n in range(1_000)]
        await outlet.close()


async def test_after_an_outage_what_may_not_have_been_read_comes_again_in_order() -> None:
    collector = Collector()
    with pytest.raises(ConnectionError):
        await outlet_of("tcp://127.0.0.1:9").write(framed(0))
    collector.start()
    outlet = outlet_of(f"tcp://127.0.0.1:{collector.port}")
    await outlet.write(framed(0, 1, 2))
    eventually(lambda: len(collector.messages) == 3)
    collector.stop()

    async def until_refused() -> None:
        while True:  # the first may still be taken by the other side's machine
            await outlet.write(framed(3))

    with pytest.raises(ConnectionError):
        await until_refused()
    collector.start()
    await outlet.write(framed(4))
    eventually(lambda: collector.messages[-1:] == [b"4"])
    again = collector.messages[3:]
    assert again[:3] == [b"0", b"1", b"2"]
    assert [int(each) for each in again] == sorted(int(each) for each in again)
    await outlet.close()
    collector.stop()


async def test_over_tls_only_who_has_a_certificate_that_is_trusted_is_told(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(made.cert)
    with Collector(server) as collector:
        outlet = outlet_of(f"tls://127.0.0.1:{collector.port}", made.ca)
        await outlet.write(framed(*range(100)))
        eventually(lambda: len(collector.messages) == 100)
        await outlet.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await outlet_of(f"tls://127.0.0.1:{collector.port}").write(framed(0))
        assert len(collector.messages) == 100


async def test_a_file_grows_and_may_be_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    outlet = outlet_of(str(path))
    await outlet.write([b"1\n", b"2\n"])
    path.rename(tmp_path / "events.1")
    await outlet.write([b"3\n"])
    assert (tmp_path / "events.1").read_bytes() + path.read_bytes() == b"1\n2\n3\n"
    with pytest.raises(OSError, match="no"):
        await outlet_of(str(tmp_path / "no" / "file")).write([b"1"])


@pytest.mark.parametrize("to", ["udp://h:1", "tcp://h", "tcp://:1", "tcp://h:x", "tls://h:1/path"])
def test_what_leads_nowhere_is_refused(to: str) -> None:
    with pytest.raises(SettingsWrong, match="--to"):
        outlet_of(to)


def test_a_file_of_no_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(SettingsWrong, match=r"ca\.pem"):
        outlet_of("tls://h:1", tmp_path / "ca.pem")
