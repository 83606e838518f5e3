"""The key on a receipt, the seal on contact data, and the settings that they come from."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from pydantic import ValidationError

from services.runtime.lookup_key import fits, lookup_key
from services.runtime.sealing import ContactSettings, Sealer, Unreadable
from services.runtime.settings import ClockKind, Settings

CODE = "H29.15-240307-0001"


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
        sealed = Sealer("secret").seal("citizen-1", b"an@example.test")
        assert Sealer("secret").open("citizen-1", sealed) == b"an@example.test"

    def test_hides_what_it_seals_and_never_the_same_way_twice(self) -> None:
        sealer = Sealer("secret")
        one, two = (sealer.seal("citizen-1", b"an@example.test") for _ in "ab")
        assert b"example" not in b64decode(one)
        assert one != two

    def test_opens_with_no_other_key(self) -> None:
        sealed = Sealer("secret").seal("citizen-1", b"an@example.test")
        with pytest.raises(Unreadable, match="citizen-1"):
            Sealer("another").open("citizen-1", sealed)

    def test_opens_for_no_other_citizen(self) -> None:
        sealed = Sealer("secret").seal("citizen-1", b"an@example.test")
        with pytest.raises(Unreadable):
            Sealer("secret").open("citizen-2", sealed)

    def test_tells_that_it_was_tampered_with(self) -> None:
        raw = bytearray(b64decode(Sealer("secret").seal("citizen-1", b"an@example.test")))
        raw[-1] ^= 1
        with pytest.raises(Unreadable):
            Sealer("secret").open("citizen-1", b64encode(raw).decode())

    @pytest.mark.parametrize("sealed", ["", "AAAA", "no base64", "é", "A"])
    def test_tells_nonsense_from_what_it_sealed(self, sealed: str) -> None:
        with pytest.raises(Unreadable):
            Sealer("secret").open("citizen-1", sealed)

    def test_names_its_key_and_does_not_show_it(self) -> None:
        assert Sealer("secret").key_id == Sealer("secret").key_id != Sealer("other").key_id
        assert len(Sealer("secret").key_id) == 12


class TestSettings:
    def test_are_told_by_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MOTCUA_KAFKA", "broker:9")
        monkeypatch.setenv("MOTCUA_CLOCK", "stream")
        monkeypatch.setenv("MOTCUA_SOMETHING_ELSE", "ignored")
        settings = Settings()
        assert (settings.kafka, settings.clock) == ("broker:9", ClockKind.STREAM)

    def test_have_defaults_for_a_machine_of_ones_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("CLOCK", "STOP_AT", "HOST", "CONTACT_KEY"):
            monkeypatch.delenv(f"MOTCUA_{name}", raising=False)
        settings = ContactSettings()
        assert settings.clock is ClockKind.WALL
        assert settings.host == "127.0.0.1"
        assert settings.stop_at is None
        assert settings.contact_key == "development-only"

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
