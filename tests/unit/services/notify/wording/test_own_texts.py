"""A city's own wording: each text over the product's, checked as those are, by set of rules."""

from __future__ import annotations

import pytest

from contracts.catalogue import load_catalogue
from contracts.rules import RuleSet, sample_rules
from services.notify.wording.renderer import Renderer, TemplateWrong
from services.notify.wording.renderer_now import RendererNow
from services.shared.city import city_of
from tests.support.rule_sets import changed, rule_set
from tests.support.times import at

CATALOGUE = load_catalogue()
CODE = "H29.15-240307-0001"
PARAMS = {"procedure": "1.004194", "unit": "H29.15", "due": "08:00 12/03/2024"}
OWN = """version = "riêng-1"

[frame]
closing = "Trân trọng, Trung tâm Phục vụ hành chính công"

[templates.received]
subject = "Đã nhận {{ code }}"
"""
PLAIN = Renderer(CATALOGUE)


def said(renderer: Renderer, locale: str = "vi", template: str = "received") -> tuple[str, str]:
    message = renderer.render(template, locale, CODE, PARAMS)
    return message.subject, message.body


def test_a_text_of_its_own_is_said_and_the_rest_is_the_products() -> None:
    own = Renderer(CATALOGUE, own={"texts.vi.toml": OWN})
    subject, body = said(own)
    assert subject == f"Đã nhận {CODE}"
    closing = "Trân trọng, Trung tâm Phục vụ hành chính công\n"
    assert body.endswith(closing)
    before, _, _ = said(PLAIN)[1].rpartition("Trân trọng,")
    assert body == before + closing, "the body is the product's"
    assert said(own, "en") == said(PLAIN, "en")
    assert own.templates == PLAIN.templates
    assert said(own, template="in-process")[0] == said(PLAIN, template="in-process")[0]


def test_the_version_of_its_own_stands_by_each_message() -> None:
    own = Renderer(CATALOGUE, own={"texts.vi.toml": OWN})
    assert own.render("received", "vi", CODE, PARAMS).version == "riêng-1"
    plain = PLAIN.render("received", "en", CODE, PARAMS).version
    assert own.render("received", "en", CODE, PARAMS).version == plain


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[templates.received]\nsubject = "{{ nobody }}"\n', "[received] subject: no field nobody"),
        ('[templates.received]\nsubject = "{{ code"\n', "[received] subject: "),
        ('[templates.received]\nsubjct = "x"\n', "texts.vi.toml: [templates.received.subjct]"),
        ('[templates.received]\nsubject = ""\n', "texts.vi.toml: [templates.received.subject]"),
        ('[template.received]\nsubject = "x"\n', "texts.vi.toml: [template] Extra inputs"),
        ("[templates\n", "texts.vi.toml: Expected"),
    ],
)
def test_a_text_that_cannot_be_used_is_named(text: str, fault: str) -> None:
    with pytest.raises(TemplateWrong) as caught:
        Renderer(CATALOGUE, own={"texts.vi.toml": text})
    assert fault in str(caught.value)


class TestNow:
    def renderer(self, one: RuleSet) -> tuple[RendererNow, list[RuleSet]]:
        """A renderer of the set that is last in the list."""
        sets = [one]
        return RendererNow(lambda: city_of(sets[-1]), lambda code: f"https://m.vn/{code}"), sets

    def test_the_wording_and_the_names_are_those_of_the_set_in_force(self) -> None:
        now, sets = self.renderer(sample_rules())
        assert said(now())[0] == said(PLAIN)[0]
        files = changed(("procedures.toml", "Đăng ký tạm trú", "Đăng ký nơi tạm trú"))
        sets.append(rule_set({**files, "texts.vi.toml": OWN}, 1, at(5)))
        subject, body = said(now())
        assert subject == f"Đã nhận {CODE}"
        assert "Đăng ký nơi tạm trú" in body

    def test_it_is_made_once_for_each_set(self) -> None:
        now, sets = self.renderer(sample_rules())
        first = now()
        assert now() is first
        sets.append(rule_set({**sample_rules().files, "texts.vi.toml": OWN}, 1, at(5)))
        assert now() is not first

    def test_it_is_not_made_of_wording_that_cannot_be_used(self) -> None:
        broken = {**sample_rules().files, "texts.vi.toml": "[frame]\nclosing = 3\n"}
        with pytest.raises(TemplateWrong, match="closing"):
            self.renderer(rule_set(broken, 1, at(5)))
