"""Rules that every event type keeps."""

from __future__ import annotations

import re

import pytest

from contracts.events import intake, routing
from contracts.events.clock import ClockTicked
from contracts.events.refusals import Refusal
from contracts.events.rules import RulesEnacted
from contracts.model import EventData, Kind, registered
from contracts.wire.codec import is_known, types
from contracts.wire.topics import SERVICES, TOPICS
from contracts.wire.upcasters import UPCASTERS, newest_type
from services.shared.lifecycle import MOVING_FACTS

CLASSES = list(registered().values())
RENAMED = {"vn.motcua.ApologyOwed.v1": ("vn.motcua.LastCallGiven.v1",)}
"""Old types that say what a type of another name says today."""
REQUESTS = [cls for cls in CLASSES if cls.KIND is Kind.REQUEST]
REFUSALS = [cls for cls in CLASSES if issubclass(cls, Refusal)]


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda cls: cls.NAME)
def test_a_request_has_exactly_one_refusal_by_the_service_that_owns_it(
    request_type: type[EventData],
) -> None:
    wanted = request_type.NAME.removesuffix("Requested") + "Refused"
    answers = [cls for cls in REFUSALS if wanted == cls.NAME]
    assert [(cls.OWNER, cls.KIND) for cls in answers] == [(request_type.OWNER, Kind.FACT)]
    assert answers[0].__doc__ == f"Answers {request_type.NAME}."


def test_a_refusal_answers_a_request() -> None:
    stems = {cls.NAME.removesuffix("Requested") for cls in REQUESTS}
    assert {cls.NAME.removesuffix("Refused") for cls in REFUSALS} == stems


def test_a_request_is_called_requested_and_a_fact_is_not() -> None:
    assert {cls for cls in CLASSES if cls.NAME.endswith("Requested")} == set(REQUESTS)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.NAME)
class TestTheType:
    def test_says_what_it_means(self, cls: type[EventData]) -> None:
        assert cls.__doc__
        assert cls.__doc__ != EventData.__doc__

    def test_belongs_to_a_service_or_is_broadcast(self, cls: type[EventData]) -> None:
        assert cls.OWNER in SERVICES or cls in (ClockTicked, RulesEnacted)

    def test_is_on_a_topic_that_is_created(self, cls: type[EventData]) -> None:
        assert cls.TOPIC in {topic.name for topic in TOPICS}

    def test_can_be_read_when_a_value_that_may_be_null_is_left_out(
        self, cls: type[EventData]
    ) -> None:
        # Nulls are not written; so a nullable field without a default could not be read back.
        schema = cls.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            for name, field in part.get("properties", {}).items():
                if {"type": "null"} in field.get("anyOf", ()):
                    assert name not in part.get("required", ())
                    assert field["default"] is None

    def test_cannot_be_changed_once_made(self, cls: type[EventData]) -> None:
        assert cls.model_config["frozen"]

    def test_reads_past_a_field_that_a_newer_writer_added(self, cls: type[EventData]) -> None:
        assert cls.model_config["extra"] == "ignore"


def test_every_old_version_leads_to_a_class_one_version_at_a_time() -> None:
    for old, (new, _) in UPCASTERS.items():
        found = re.fullmatch(r"(.+)\.v(\d+)", old)
        assert found is not None
        assert new in {f"{found[1]}.v{int(found[2]) + 1}", *RENAMED.get(old, ())}
        assert newest_type(old) in registered()


def test_what_another_type_says_today_is_subscribed_to_with_that_one_alone() -> None:
    for old, (new,) in RENAMED.items():
        said_so = {name for name, cls in registered().items() if old in types(cls)}
        assert said_so == {new}


def test_every_version_before_a_types_current_one_can_still_be_read() -> None:
    for cls in CLASSES:
        for version in range(1, cls.VERSION):
            assert is_known(f"vn.motcua.{cls.NAME}.v{version}")


def test_a_subscription_to_a_class_takes_in_its_old_versions() -> None:
    assert types(intake.DossierReceived, routing.StepStarted) == {
        "vn.motcua.DossierReceived.v1",
        "vn.motcua.DossierReceived.v2",
        "vn.motcua.DossierReceived.v3",
        "vn.motcua.StepStarted.v1",
    }


def test_two_classes_cannot_claim_one_type() -> None:
    with pytest.raises(TypeError, match=r"two classes claim .*StepStarted\.v1"):
        type("StepStarted", (EventData,), {}, kind=Kind.FACT, owner="routing")


def test_what_moves_a_dossier_is_a_fact_of_intake_or_routing() -> None:
    assert {(cls.KIND, cls.OWNER) for cls in MOVING_FACTS} == {
        (Kind.FACT, "intake"),
        (Kind.FACT, "routing"),
    }
