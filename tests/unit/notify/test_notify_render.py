"""Every message can be said in both languages, and a template that cannot be used is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.catalogue import load_catalogue
from contracts.values import Locale
from services.notify import plan
from services.notify.render import TEMPLATES, Renderer, TemplateWrong

CATALOGUE = load_catalogue()
RENDERER = Renderer(CATALOGUE)
CODE = "H29.15-240307-0001"
PARAMS = {
    "procedure": "1.004194",
    "unit": "H29.15",
    "due": "08:00 12/03/2024",
    "reason": "vì một lý do",
    "documents": "b; c",
    "amount": "500",
    "outcome": "granted",
}
PLANNED = sorted(re.findall(r'return "([a-z-]+)"', Path(plan.__file__).read_text(encoding="utf-8")))
"""Every template that a message can be planned with."""


def test_there_are_templates_to_plan_with() -> None:
    assert len(PLANNED) == 16


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("template", PLANNED)
def test_every_message_that_can_be_planned_can_be_said(template: str, locale: Locale) -> None:
    text = RENDERER.render(template, locale, CODE, PARAMS)
    assert CODE in text.subject
    assert CODE in text.body
    assert "\n" not in text.subject
    assert text.body.endswith("\n")
    procedure = CATALOGUE.procedures["1.004194"]
    assert (procedure.name_vi if locale == "vi" else procedure.name_en) in text.body
    assert not re.search(r"{[{%]|\(\)|: ?[.\n]|  ", text.subject + text.body)


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("template", PLANNED)
def test_what_the_catalogue_lost_is_named_by_its_code(template: str, locale: Locale) -> None:
    params = {**PARAMS, "procedure": "9.9", "unit": "H99"}
    text = RENDERER.render(template, locale, CODE, params).body
    assert "(9.9)" in text
    assert ("H99" in text) == (
        "H29" in RENDERER.render(template, locale, "x", {"unit": "H29"}).body
    )


@pytest.mark.parametrize(
    ("locale", "said"), [("vi", "không đủ điều kiện"), ("en", "not be granted")]
)
def test_a_result_that_was_denied_is_said_to_be(locale: str, said: str) -> None:
    denied = RENDERER.render("processed", locale, CODE, {**PARAMS, "outcome": "denied"})
    assert said in denied.body
    assert said not in RENDERER.render("processed", locale, CODE, PARAMS).body


@pytest.mark.parametrize("locale", Locale)
def test_a_retraction_says_a_new_time_only_if_there_is_one(locale: Locale) -> None:
    params = {key: value for key, value in PARAMS.items() if key != "due"}
    assert "12/03" in RENDERER.render("retracted", locale, CODE, PARAMS).body
    assert "12/03" not in RENDERER.render("retracted", locale, CODE, params).body


def test_what_a_citizen_or_an_officer_wrote_is_text_and_no_template() -> None:
    params = {**PARAMS, "reason": "{{ code.__class__ }} <b>"}
    assert "{{ code.__class__ }} <b>" in RENDERER.render("stopped", "en", CODE, params).body


def test_a_parameter_that_no_template_knows_is_left_out() -> None:
    assert RENDERER.render("stopped", "en", CODE, {**PARAMS, "strange": "x"})


def test_a_template_that_does_not_exist_is_named() -> None:
    with pytest.raises(TemplateWrong, match=r"no template 'nonsense' in en.toml"):
        RENDERER.render("nonsense", "en", CODE, PARAMS)


GOOD = '[greeting]\nsubject = "{{ code }}"\nbody = "hello {{ reason }}"\n'


def folder(at: Path, *, vi: str | None = GOOD, en: str | None = GOOD) -> Path:
    for name, text in (("vi", vi), ("en", en)):
        if text is not None:
            (at / f"{name}.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    return at


def test_good_templates_of_ones_own_are_used(tmp_path: Path) -> None:
    renderer = Renderer(CATALOGUE, folder(tmp_path))
    assert renderer.render("greeting", "en", CODE, {"reason": "you"}).body == "hello you\n"


@pytest.mark.parametrize(
    ("vi", "says"),
    [
        (None, r"vi\.toml.*No such file"),
        ("[greeting", r"vi\.toml: "),
        ("# \udcff", r"vi\.toml: "),
        ("", r"vi\.toml has no template greeting"),
        (GOOD + '[more]\nsubject = ""\nbody = ""\n', r"en\.toml has no template more"),
        ('[greeting]\nsubject = "a"\n', r"vi\.toml: \[greeting\] has no body"),
        ('[greeting]\nbody = "a"\n', r"vi\.toml: \[greeting\] has no subject"),
        ('[greeting]\nsubject = 1\nbody = "a"\n', r"vi\.toml: \[greeting\] has no subject"),
        ('greeting = "a"\n', r"vi\.toml: greeting is no template: write \[greeting\]"),
        (GOOD + "bodi = 1\n", r"vi\.toml: \[greeting\] has a subject and a body, and no bodi"),
        (
            '[greeting]\nsubject = "a"\nbody = "{{ name }} {{ when }}"\n',
            r"vi\.toml \[greeting\] body: no field name, when; there are amount, code",
        ),
        (
            '[greeting]\nsubject = "{{ code"\nbody = "a"\n',
            r"vi\.toml \[greeting\] subject: .*end of print statement",
        ),
        (
            '[greeting]\nsubject = "a"\nbody = "{{ code | shout }}"\n',
            r"vi\.toml \[greeting\] body: No filter named 'shout'",
        ),
    ],
)
def test_a_template_that_cannot_be_used_is_named_when_the_service_starts(
    tmp_path: Path, vi: str | None, says: str
) -> None:
    with pytest.raises(TemplateWrong, match=says):
        Renderer(CATALOGUE, folder(tmp_path, vi=vi))


def test_the_templates_that_come_with_the_product_are_the_ones_checked_here() -> None:
    assert sorted(path.name for path in TEMPLATES.iterdir()) == ["en.toml", "vi.toml"]
