"""The key on a receipt, the seal on contact data, and the settings that they come from."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError
from structlog.testing import LogCapture
from structlog.typing import EventDict
from typer.testing import CliRunner

from motcua.cli import build
from services.runtime import process as run_module
from services.runtime.settings import ClockKind, Settings
from services.shared import master_keys as master_keys_module
from services.shared.lookup_key import fits, lookup_key
from services.shared.master_keys import KeySettings, MasterKeyWrong, master_keys
from services.shared.sealing import Sealer, Unreadable

SECRET, OTHER = bytes(range(32)), bytes(32)
CODE = "H29.15-240307-0001"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[EventDict]:
    """What is logged, whatever this process has logging set up to."""
    capture = LogCapture()
    everything = structlog.make_filtering_bound_logger(0)
    logger = structlog.wrap_logger(None, processors=[capture], wrapper_class=everything)
    for module in (master_keys_module, run_module):
        monkeypatch.setattr(module, "log", logger)
    return capture.entries


class TestTheLookUpKey:
    def test_is_the_same_on_every_instance_that_knows_the_secret(self) -> None:
        assert lookup_key("secret", CODE) == lookup_key("secret", CODE)

    def test_is_another_for_another_dossier_or_secret(self) -> None:
        keys = {lookup_key(s, c) for s in ("a", "b") for c in (CODE, "H29.15-240307-0002")}
        assert len(keys) == 4

    def test_has_no_letter_that_is_taken_for_another_on_paper(self) -> None:
        letters = set("".join(lookup_key("secret", str(number)) for number in range(2000)))
        assert letters == set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")

    def test_is_ten_letters_that_nobody_guesses(self) -> None:
        keys = {lookup_key("secret", str(number)) for number in range(2000)}
        assert {len(key) for key in keys} == {10}
        assert len(keys) == 2000

    def test_opens_its_dossier_however_it_is_typed(self) -> None:
        key = lookup_key("secret", CODE)
        for typed in (key, key.lower(), f"  {key}\n"):
            assert fits("secret", CODE, typed)

    @pytest.mark.parametrize("typed", ["", "ABC", "Ổ khóa", "\x00"])
    def test_is_not_what_somebody_makes_up(self, typed: str) -> None:
        assert not fits("secret", CODE, typed)

    def test_opens_no_other_dossier(self) -> None:
        assert not fits("secret", CODE, lookup_key("secret", "H29.15-240307-0002"))


class TestTheSeal:
    def test_opens_with_the_same_key_for_the_same_citizen(self) -> None:
        sealed = Sealer(SECRET).seal("citizen-1", b"an@example.test")
        assert Sealer(SECRET).open("citizen-1", sealed) == b"an@example.test"

    def test_hides_what_it_seals_and_never_the_same_way_twice(self) -> None:
        sealer = Sealer(SECRET)
        one, two = (sealer.seal("citizen-1", b"an@example.test") for _ in "ab")
        assert b"example" not in b64decode(one)
        assert one != two

    def test_opens_with_no_other_key(self) -> None:
        sealed = Sealer(SECRET).seal("citizen-1", b"an@example.test")
        with pytest.raises(Unreadable, match="citizen-1"):
            Sealer(OTHER).open("citizen-1", sealed)

    def test_opens_for_no_other_citizen(self) -> None:
        sealed = Sealer(SECRET).seal("citizen-1", b"an@example.test")
        with pytest.raises(Unreadable):
            Sealer(SECRET).open("citizen-2", sealed)

    def test_tells_that_it_was_tampered_with(self) -> None:
        raw = bytearray(b64decode(Sealer(SECRET).seal("citizen-1", b"an@example.test")))
        raw[-1] ^= 1
        with pytest.raises(Unreadable):
            Sealer(SECRET).open("citizen-1", b64encode(raw).decode())

    @pytest.mark.parametrize("sealed", ["", "AAAA", "no base64", "é", "A"])
    def test_tells_nonsense_from_what_it_sealed(self, sealed: str) -> None:
        with pytest.raises(Unreadable):
            Sealer(SECRET).open("citizen-1", sealed)

    def test_needs_a_key_of_its_length(self) -> None:
        with pytest.raises(ValueError, match="32 bytes, this one 3"):
            Sealer(b"abc")


class TestTheMasterKeys:
    def test_wrap_under_the_first_and_unwrap_under_all(self, tmp_path: Path) -> None:
        old, new = (b64encode(key).decode() for key in (SECRET, OTHER))
        file = tmp_path / "keys"
        file.write_text(f"# the old one\n2024:{old}\n")
        wrapped = master_keys(KeySettings(master_key_file=file)).wrap("cd-1", b"key")
        file.write_text(f"2025:{new}\n2024:{old}\n")
        keys = master_keys(KeySettings(master_key_file=file))
        assert keys.current == "2025"
        assert keys.ids == {"2024", "2025"}
        assert keys.unwrap("cd-1", "2024", wrapped) == b"key"
        with pytest.raises(Unreadable):
            keys.unwrap("cd-2", "2024", wrapped)
        with pytest.raises(Unreadable, match="2023 is not known here"):
            keys.unwrap("cd-1", "2023", wrapped)

    def test_of_which_a_new_one_is_below_open_what_it_wraps_elsewhere_and_do_not_wrap_by_it(
        self, tmp_path: Path
    ) -> None:
        old, new = (b64encode(key).decode() for key in (SECRET, OTHER))
        file = tmp_path / "keys"
        file.write_text(f"2024:{old}\n2025:{new}\n")
        restarted_first = master_keys(KeySettings(master_key_file=file))
        file.write_text(f"2025:{new}\n2024:{old}\n")
        restarted_again = master_keys(KeySettings(master_key_file=file))
        assert (restarted_first.current, restarted_again.current) == ("2024", "2025")
        for one, other in (
            (restarted_first, restarted_again),
            (restarted_again, restarted_first),
        ):
            assert other.unwrap("cd-1", one.current, one.wrap("cd-1", b"key")) == b"key"

    def test_are_changed_in_an_order_in_which_every_instance_opens_everything(self) -> None:
        said = " ".join(CliRunner().invoke(build(), ["keys", "rotate", "--help"]).output.split())
        steps = ("below the current one", "to the top", "Run this", "take the old one out")
        places = [said.find(step) for step in steps]
        assert -1 not in places
        assert places == sorted(places)

    @pytest.mark.parametrize("value", [None, ""])
    def test_that_are_missing_are_told_of_and_also_if_they_were_meant_to_be_there(
        self, monkeypatch: pytest.MonkeyPatch, logged: list[EventDict], value: str | None
    ) -> None:
        monkeypatch.delenv("MOTCUA_MASTER_KEY_FILE", raising=False)
        monkeypatch.delenv("MOTCUA_MASTER_KEY", raising=False)
        if value is not None:
            monkeypatch.setenv("MOTCUA_MASTER_KEY", value)
        assert master_keys(KeySettings()).current == "development"
        (warning,) = logged
        assert warning["log_level"] == "warning"
        assert warning["MOTCUA_MASTER_KEY"] == ("not set" if value is None else "empty")
        assert warning["MOTCUA_MASTER_KEY_FILE"] == "not set"

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "no key in it"),
            ("abc", "line 1: write id:base64"),
            ("a:!!", "line 1: not base64"),
            ("a:AAAA", "line 1: 3 bytes; a master key has 32"),
            (f"a:{b64encode(bytes(32)).decode()}\n" * 2, "line 2: the id a is there already"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_named_with_its_line_and_never_its_key(
        self, tmp_path: Path, content: str, says: str
    ) -> None:
        file = tmp_path / "keys"
        file.write_text(content)
        with pytest.raises(MasterKeyWrong, match=says):
            master_keys(KeySettings(master_key_file=file))

    def test_come_from_one_place(self, tmp_path: Path) -> None:
        settings = KeySettings(master_key="x", master_key_file=tmp_path / "keys")
        with pytest.raises(MasterKeyWrong, match="not both"):
            master_keys(settings)

    def test_of_the_environment_have_a_name_that_does_not_show_them(self) -> None:
        key = b64encode(SECRET).decode()
        keys = master_keys(KeySettings(master_key=key))
        assert len(keys.current) == 8
        assert keys.current not in key


class TestTheLookUpSecret:
    @pytest.mark.parametrize(
        ("value", "stands"), [(None, "not set"), ("", "empty"), ("development-only", "set")]
    )
    def test_of_a_trial_is_told_of(
        self,
        monkeypatch: pytest.MonkeyPatch,
        logged: list[EventDict],
        value: str | None,
        stands: str,
    ) -> None:
        monkeypatch.delenv("MOTCUA_LOOKUP_SECRET", raising=False)
        if value is not None:
            monkeypatch.setenv("MOTCUA_LOOKUP_SECRET", value)
        run_module.warn_of_trials(Settings())
        assert [entry["MOTCUA_LOOKUP_SECRET"] for entry in logged] == [stands]

    def test_of_a_city_is_not_mentioned(self, logged: list[EventDict]) -> None:
        run_module.warn_of_trials(Settings(lookup_secret="a city's own"))
        assert logged == []


class TestSettings:
    def test_are_told_by_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MOTCUA_KAFKA", "broker:9")
        monkeypatch.setenv("MOTCUA_CLOCK", "stream")
        monkeypatch.setenv("MOTCUA_SOMETHING_ELSE", "ignored")
        settings = Settings()
        assert (settings.kafka, settings.clock) == ("broker:9", ClockKind.STREAM)

    def test_that_are_empty_are_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in KeySettings.model_fields:
            monkeypatch.setenv(f"MOTCUA_{name.upper()}", "")
        assert KeySettings() == KeySettings.model_construct()

    def test_have_defaults_for_a_machine_of_ones_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("CLOCK", "STOP_AT", "HOST", "MASTER_KEY"):
            monkeypatch.delenv(f"MOTCUA_{name}", raising=False)
        settings = KeySettings()
        assert settings.clock is ClockKind.WALL
        assert settings.host == "127.0.0.1"
        assert settings.stop_at is None
        assert settings.master_key is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PARTITIONS", "0"),
            ("CLOCK", "sundial"),
            ("PORT", "65536"),
            ("MAX_BODY", "10"),
            ("TIMER_POLL", "0"),
            ("BATCH_RECORDS", "many"),
        ],
    )
    def test_that_cannot_be_are_refused_by_name(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(f"MOTCUA_{name}", value)
        with pytest.raises(ValidationError, match=name.lower()):
            Settings()
