"""The key on a receipt, the seal on contact data, and the settings that they come from."""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError
from structlog.testing import LogCapture
from structlog.typing import EventDict
from typer.testing import CliRunner

from deploy.local.fakes.gateway.part import SECRET as SECRET_OF_THE_GATEWAY
from deploy.local.fakes.gateway.part import TOKEN
from motcua.cli import build
from services.notify.channels.settings import SENDERS, ChannelSettings
from services.runtime.refusal import SettingsWrong
from services.runtime.settings import ClockKind, Settings, settings_told
from services.shared import generations as generations_module
from services.shared import master_keys as master_keys_module
from services.shared.known_secrets import LOOKUP, MASTER_KEY, is_known
from services.shared.lookup_key import LookupKeys, lookup_key
from services.shared.lookup_secrets import LookupSettings, lookup_keys
from services.shared.master_keys import KeySettings, MasterKeyWrong, master_keys
from services.shared.sealing import Sealer, Unreadable
from tests.support.paths import ROOT

SECRET, OTHER = bytes(range(32)), bytes(range(32, 64))
OLD, NEW = "o" * 64, "n" * 64
CODE = "H29.15-240307-0001"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[EventDict]:
    """What is logged, whatever this process has logging set up to."""
    capture = LogCapture()
    everything = structlog.make_filtering_bound_logger(0)
    logger = structlog.wrap_logger(None, processors=[capture], wrapper_class=everything)
    for module in (master_keys_module, generations_module):
        monkeypatch.setattr(module, "log", logger)
    return capture.entries


@pytest.fixture
def no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that tells nothing: what a city starts with."""
    for name in [name for name in os.environ if name.startswith("MOTCUA_")]:
        monkeypatch.delenv(name)


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
        keys = LookupKeys({7: "secret"})
        key = keys.key(CODE)
        assert key == lookup_key("secret", CODE)
        for typed in (key, key.lower(), f"  {key}\n"):
            assert keys.generation(CODE, typed) == 7

    @pytest.mark.parametrize("typed", ["", "ABC", "Ổ khóa", "\x00"])
    def test_is_not_what_somebody_makes_up(self, typed: str) -> None:
        assert LookupKeys({1: "secret"}).generation(CODE, typed) is None

    def test_opens_no_other_dossier(self) -> None:
        keys = LookupKeys({1: "secret"})
        assert keys.generation(CODE, keys.key("H29.15-240307-0002")) is None

    def test_of_an_earlier_generation_opens_until_that_is_withdrawn(self) -> None:
        printed = LookupKeys({1: OLD}).key(CODE)
        both = LookupKeys({2: NEW, 1: OLD})
        assert both.generation(CODE, printed) == 1
        assert both.key(CODE) != printed
        assert both.generation(CODE, both.key(CODE)) == 2
        assert LookupKeys({2: NEW}).generation(CODE, printed) is None

    def test_of_a_generation_that_is_known_and_not_yet_current_opens_already(self) -> None:
        """An instance that is restarted later prints by the one, and reads what others print."""
        before, after = LookupKeys({1: OLD, 2: NEW}), LookupKeys({2: NEW, 1: OLD})
        assert before.key(CODE) == lookup_key(OLD, CODE)
        for one, other in ((before, after), (after, before)):
            assert other.generation(CODE, one.key(CODE)) is not None

    def test_is_compared_with_every_generation_whichever_it_is(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compared = []

        def compare(one: bytes, other: bytes) -> bool:
            compared.append(one)
            return one == other

        monkeypatch.setattr("services.shared.lookup_key.hmac.compare_digest", compare)
        keys = LookupKeys({3: NEW, 2: OLD, 1: "oldest"})
        for typed in (keys.key(CODE), lookup_key(OLD, CODE), "AAAAAAAAAA"):
            compared.clear()
            keys.generation(CODE, typed)
            assert len(compared) == 3


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
        steps = ("below the current one", "to the top", "Run this", "take it out")
        places = [said.find(step) for step in steps]
        assert -1 not in places
        assert places == sorted(places)

    @pytest.mark.parametrize("value", [None, ""])
    def test_that_are_missing_are_told_of_and_also_if_they_were_meant_to_be_there(
        self,
        monkeypatch: pytest.MonkeyPatch,
        no_trial: None,
        logged: list[EventDict],
        value: str | None,
    ) -> None:
        if value is not None:
            monkeypatch.setenv("MOTCUA_MASTER_KEY", value)
        stands = "not set" if value is None else "empty"
        says = (
            f"MOTCUA_MASTER_KEY is {stands} and MOTCUA_MASTER_KEY_FILE is not set.*motcua keys new"
        )
        with pytest.raises(MasterKeyWrong, match=says):
            master_keys(KeySettings())
        assert logged == []
        monkeypatch.setenv("MOTCUA_TRIAL", "1")
        assert master_keys(KeySettings()).current == "development"
        (warning,) = logged
        assert warning["log_level"] == "warning"
        assert warning["MOTCUA_MASTER_KEY"] == stands
        assert warning["MOTCUA_MASTER_KEY_FILE"] == "not set"

    @pytest.mark.parametrize("key", [MASTER_KEY, bytes(32)])
    def test_that_everyone_knows_are_a_trial_s_alone(
        self, tmp_path: Path, no_trial: None, key: bytes
    ) -> None:
        text, file = b64encode(key).decode(), tmp_path / "keys"
        file.write_text(f"2026:{b64encode(SECRET).decode()}\n2025:{text}\n")
        for name, value, where in (
            ("master_key", text, "MOTCUA_MASTER_KEY"),
            ("master_key_file", str(file), f"{file}: line 2"),
        ):
            told: dict[str, object] = {name: value}
            with pytest.raises(MasterKeyWrong, match=f"^{where}: everyone knows") as refused:
                master_keys(KeySettings.model_validate(told))
            assert text not in str(refused.value)
            assert master_keys(KeySettings.model_validate({**told, "trial": True})).ids

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


class TestTheLookUpSecrets:
    @pytest.mark.parametrize(("value", "stands"), [(None, "not set"), ("", "empty")])
    def test_that_are_missing_are_a_trial_s_alone(
        self,
        monkeypatch: pytest.MonkeyPatch,
        no_trial: None,
        logged: list[EventDict],
        value: str | None,
        stands: str,
    ) -> None:
        if value is not None:
            monkeypatch.setenv("MOTCUA_LOOKUP_SECRETS", value)
        says = f'^MOTCUA_LOOKUP_SECRETS is {stands}.*"1:\\$\\(openssl rand -hex 32\\)"'
        with pytest.raises(SettingsWrong, match=says):
            lookup_keys(LookupSettings())
        assert logged == []
        monkeypatch.setenv("MOTCUA_TRIAL", "1")
        assert lookup_keys(LookupSettings()).key(CODE) == lookup_key(LOOKUP, CODE)
        assert [entry["MOTCUA_LOOKUP_SECRETS"] for entry in logged] == [stands]

    @pytest.mark.parametrize(
        "told", [f"2:{NEW} 1:{OLD}", f"2:{NEW}\n\n1:{OLD}\n", f"2:{NEW} 1:old"]
    )
    def test_are_generations_of_which_the_first_is_current(
        self, no_trial: None, logged: list[EventDict], told: str
    ) -> None:
        keys = lookup_keys(LookupSettings(lookup_secrets=told))
        assert keys.key(CODE) == lookup_key(NEW, CODE)
        old = told.rpartition(":")[2].strip()
        assert keys.generation(CODE, lookup_key(old, CODE)) == 1
        assert logged == []

    @pytest.mark.parametrize(
        ("told", "says"),
        [
            (NEW, "entry 1: write number:secret"),
            (f"{NEW}:{OLD}", "entry 1: write number:secret"),
            (f"1:{OLD} 2:", "entry 2: write number:secret"),
            (f"1:{OLD} ²:{NEW}", "entry 2: write number:secret"),
            (f"1:{OLD} 01:{NEW}", "entry 2: generation 1 is there already"),
            ("  ", "no secret in it"),
            (f"1:{LOOKUP}", "entry 1: everyone knows this secret"),
            (f"2:{NEW} 1:{LOOKUP}", "entry 2: everyone knows this secret"),
            ("1:hunter2", "entry 1: 7 characters can be guessed from a receipt; give at least 32"),
        ],
    )
    def test_that_cannot_be_are_named_by_their_place_and_never_shown(
        self, no_trial: None, told: str, says: str
    ) -> None:
        with pytest.raises(SettingsWrong, match=says) as refused:
            lookup_keys(LookupSettings(lookup_secrets=told))
        for secret in (NEW, OLD, LOOKUP, "hunter2"):
            assert secret not in str(refused.value)


class TestWhatStandsInThisRepository:
    def test_is_known_wherever_it_is_a_secret(self) -> None:
        secrets = {
            secret
            for folder in ("contracts", "deploy", "docs", "motcua", "services")
            for kind in ("*.py", "*.yaml", "*.yml", "*.md", "*.toml")
            for path in (ROOT / folder).rglob(kind)
            for secret in re.findall(r"whsec_[\w+/]{24,}=*", path.read_text(encoding="utf-8"))
        }
        assert SECRET_OF_THE_GATEWAY in secrets
        assert [secret for secret in (*secrets, TOKEN) if not is_known(secret)] == []

    @pytest.mark.parametrize("provider", sorted(set(SENDERS.values())))
    def test_signs_no_receipt_and_lets_nobody_in_but_in_a_trial(
        self, no_trial: None, provider: str
    ) -> None:
        good = f"whsec_{b64encode(SECRET).decode()}"
        told = {f"{provider}_secret": f"{good} {SECRET_OF_THE_GATEWAY}"}
        if not provider.startswith("smtp"):
            told |= {f"{provider}_token": TOKEN}
        ChannelSettings.model_validate({**told, "trial": True})
        for name, value in told.items():
            with pytest.raises(
                ValidationError, match=f"MOTCUA_{name.upper()}: everyone knows"
            ) as refused:
                ChannelSettings.model_validate({name: value})
            assert value not in str(refused.value)
        ChannelSettings.model_validate({f"{provider}_secret": good})


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
        for name in ("CLOCK", "STOP_AT", "HOST", "MASTER_KEY", "TRIAL"):
            monkeypatch.delenv(f"MOTCUA_{name}", raising=False)
        settings = KeySettings()
        assert settings.clock is ClockKind.WALL
        assert settings.host == "127.0.0.1"
        assert settings.stop_at is None
        assert settings.trial is False
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
        with pytest.raises(SettingsWrong, match=f"MOTCUA_{name}: ") as refused:
            settings_told(Settings)
        assert "\n" not in str(refused.value)

    def test_that_are_refused_are_not_repeated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MOTCUA_SMS_SECRET", "hunter2")
        monkeypatch.setenv("MOTCUA_MONGO", "mongodb://city:hunter3@mongo")
        with pytest.raises(SettingsWrong, match=r"MOTCUA_SMS_SECRET: .*whsec_") as refused:
            settings_told(ChannelSettings)
        assert not re.search("hunter[23]", str(refused.value))
