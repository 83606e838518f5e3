"""Every message can be said in both languages, and a template that cannot be used is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from contracts.catalogue import load_catalogue
from contracts.values import Locale
from contracts.visible import shown
from services.notify.wording.renderer import TEMPLATES, Renderer, TemplateWrong
from services.notify.wording.template import FOR_OFFICERS, OF_A_CHANGE, Template

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
    "previous": "08:00 11/03/2024",
    "new_due": "08:00 20/03/2024",
}
ITEMS = {
    "digest": '[{"at": "08:00 12/03/2024", "template": "resumed", "params": {"reason": "r"}}]',
    "head-digest": '[{"kind": "DossierOverdue", "due": "08:00 12/03/2024", "dossier": "H1-1",'
    '"procedure": "1.004194"}]',
}
ITEMS |= dict.fromkeys(FOR_OFFICERS, ITEMS["head-digest"])


def params_for(template: str) -> dict[str, str]:
    return {**PARAMS, "items": ITEMS[template]} if template in ITEMS else PARAMS


def test_the_files_have_every_template_and_no_other() -> None:
    assert list(RENDERER.templates) == sorted(Template)


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("template", sorted(set(Template) - OF_A_CHANGE))
def test_every_message_that_can_be_planned_can_be_said(template: str, locale: Locale) -> None:
    text = RENDERER.render(template, locale, CODE, params_for(template))
    if template not in ITEMS:  # which is about many
        assert all(CODE in part for part in (text.subject, text.short) if template != "apology")
        assert CODE in text.body
        procedure = CATALOGUE.procedures["1.004194"]
        assert (procedure.name_vi if locale == "vi" else procedure.name_en) in text.body
    assert "\n" not in text.subject
    assert "\n" not in text.short or template == "digest", "which has a line for each change"
    assert text.body.endswith("\n")
    assert not re.search(r"{[{%]|\(\)|: ?[.\n]{2}|  |: \.", text.subject + text.body + text.short)


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("template", sorted(set(Template) - OF_A_CHANGE))
def test_what_the_catalogue_lost_is_named_by_its_code(template: str, locale: Locale) -> None:
    params = {k: v.replace("1.004194", "9.9") for k, v in params_for(template).items()}
    params["unit"] = "H99"
    text = RENDERER.render(template, locale, CODE, params).body
    assert "(9.9)" in text
    named = RENDERER.render(template, locale, "x", {**params_for(template), "unit": "H29.15"})
    assert ("H99" in text) == (
        CATALOGUE.units["H29.15"].name_vi in named.body
        or (CATALOGUE.units["H29.15"].name_en in named.body)
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
    time = "08:00 ngày 12/03/2024" if locale is Locale.VI else "08:00, 12 March 2024"
    assert time in RENDERER.render("retracted", locale, CODE, PARAMS).body
    assert "2024." not in RENDERER.render("retracted", locale, CODE, params).body


def test_what_a_citizen_or_an_officer_wrote_is_text_and_no_template() -> None:
    params = {**PARAMS, "reason": "{{ code.__class__ }} <b>"}
    assert "{{ code.__class__ }} <b>" in RENDERER.render("stopped", "en", CODE, params).body


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("template", Template)
def test_what_hides_or_steers_is_not_told_whatever_stands_on_the_log(
    template: str, locale: Locale
) -> None:
    hostile = "a\u202eb\x1b[2J\0c\x9bd\u2067e"
    params = dict.fromkeys(PARAMS, hostile) | {"items": ITEMS.get(template, "[]")}
    params["items"] = params["items"].replace('"r"', json.dumps(hostile))
    text = RENDERER.render(template, locale, CODE, params)
    for part in (text.subject, text.body, text.short):
        assert shown(part) == part


def test_a_parameter_that_no_template_knows_is_left_out() -> None:
    assert RENDERER.render("stopped", "en", CODE, {**PARAMS, "strange": "x"})


def test_a_template_that_does_not_exist_is_named() -> None:
    with pytest.raises(TemplateWrong, match=r"no template 'nonsense' in en.toml"):
        RENDERER.render("nonsense", "en", CODE, PARAMS)


HEAD = 'version = "1"\n[frame]\ngreeting = "Hi"\nfooter = "{{ link }}"\nclosing = "Bye"\n[alerts]\n'
GOOD = (
    HEAD
    + """[templates.greeting]
subject = "{{ code }}"
body = "hello {{ reason }}"
short = "hi"
"""
)


def one(subject: str = "a", body: str = "a") -> str:
    return HEAD + (f'[templates.greeting]\nsubject = "{subject}"\nbody = "{body}"\nshort = "a"\n')


def folder(at: Path, *, vi: str | None = GOOD, en: str | None = GOOD) -> Path:
    for name, text in (("vi", vi), ("en", en)):
        if text is not None:
            (at / f"{name}.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    return at


def test_good_templates_of_ones_own_are_used(tmp_path: Path) -> None:
    renderer = Renderer(CATALOGUE, folder(tmp_path), link=lambda code: f"https://x/{code}")
    text = renderer.render("greeting", "en", CODE, {"reason": "you"})
    assert text.body == f"Hi\n\nhello you\n\nhttps://x/{CODE}\n\nBye\n"
    assert (text.short, text.version) == ("hi", "1")


@pytest.mark.parametrize(
    ("vi", "says"),
    [
        (None, r"vi\.toml.*No such file"),
        ("[greeting", r"vi\.toml: "),
        ("# \udcff", r"vi\.toml: "),
        ("", r"vi\.toml: \[version\] Field required"),
        (HEAD + "[templates]\n", r"vi\.toml has no template greeting"),
        (
            GOOD + one().removeprefix(HEAD).replace("greeting", "more"),
            r"en\.toml has no template more",
        ),
        (GOOD.replace('short = "hi"', ""), r"\[templates.greeting.short\] Field required"),
        (GOOD + "bodi = 1\n", r"\[templates.greeting.bodi\] Extra inputs"),
        (
            one(body="{{ name }} {{ when }}"),
            r"vi\.toml \[greeting\] body: no field name, when; there are again, alert, amount",
        ),
        (one(subject="{{ code"), r"vi\.toml \[greeting\] subject: .*end of print statement"),
        (one(body="{{ code | shout }}"), r"\[greeting\] body: No filter named 'shout'"),
        (
            GOOD.replace("{{ link }}", "{{ due }}"),
            r"\[frame\] footer: no field due; there are link",
        ),
        (
            GOOD.replace("[alerts]", '[alerts]\nDossierOverdue = "{{ code }}"'),
            r"\[alerts\] DossierOverdue: no field code; there are due",
        ),
        (GOOD + 'item = "{{ when }}"\n', r"\[greeting\] item: no field when"),
    ],
)
def test_a_template_that_cannot_be_used_is_named_when_the_service_starts(
    tmp_path: Path, vi: str | None, says: str
) -> None:
    with pytest.raises(TemplateWrong, match=says):
        Renderer(CATALOGUE, folder(tmp_path, vi=vi))


ATTRIBUTES = [
    # part, source, what it says
    ("subject", "{{ due.date }}", "no field date; '10:15 ngày 04/04/2024' has none"),
    ("body", "{{ reason.vi }}", "no field vi; 'Chưa nhận được .*' has none"),
    ("short", "{% for item in items %}{{ item.time }}{% endfor %}", "no field time; .* at, text"),
    ("item", "{{ items.at }}", r"no field at; .* has none"),
    # Whatever it is under.
    ("body", "{% if status == 'stopped' %}{{ due.date }}{% endif %}", "no field date"),
    ("body", "{% if not due %}{% elif amount == '2' %}{{ due.date }}{% endif %}", "no field date"),
    ("body", "{% if due %}{% else %}{{ due.date }}{% endif %}", "no field date"),
    ("body", "{{ due if due else due.date }}", "no field date"),
    ("body", "{{ due.date if due == '' }}", "no field date"),
    ("body", "{% if until or due.date %}{% endif %}", "no field date"),
    ("body", "{% if until and due.date %}{% endif %}", "no field date"),
    ("body", "{% if status == 'stopped' and due.date %}{% endif %}", "no field date"),
    ("body", "{% if due or reason.vi %}{% endif %}", "no field vi"),
    ("body", "{% for item in items %}{% else %}{{ due.date }}{% endfor %}", "no field date"),
    ("body", "{{ items | map(attribute='time') | join }}", "no field time; there are at, text"),
    ("body", "{{ amount + 1 }}", "can only concatenate str"),
    ("body", "{{ '%d' | format(amount) }}", "%d format"),
]


@pytest.mark.parametrize(("part", "source", "says"), ATTRIBUTES)
def test_what_could_only_fail_once_somebody_is_told_is_found_when_the_service_starts(
    tmp_path: Path, part: str, source: str, says: str
) -> None:
    parts = {"subject": "a", "body": "a", "short": "a", part: source}
    lines = "\n".join(f'{name} = "{text}"' for name, text in parts.items())
    vi = f"{HEAD}[templates.greeting]\n{lines}\n"
    with pytest.raises(TemplateWrong, match=rf"^vi\.toml \[greeting\] {part}: .*{says}"):
        Renderer(CATALOGUE, folder(tmp_path, vi=vi))


@pytest.mark.parametrize(
    ("vi", "says"),
    [
        (GOOD.replace("{{ link }}", "{{ link.host }}"), r"\[frame\] footer: no field host"),
        (
            GOOD.replace("[alerts]", '[alerts]\nDossierOverdue = "{{ due.date }}"'),
            r"\[alerts\] DossierOverdue: no field date",
        ),
    ],
)
def test_so_is_what_is_wrong_around_the_templates(tmp_path: Path, vi: str, says: str) -> None:
    with pytest.raises(TemplateWrong, match=says):
        Renderer(CATALOGUE, folder(tmp_path, vi=vi))


def test_what_a_head_is_told_has_other_items_than_what_a_citizen_is(tmp_path: Path) -> None:
    def told(template: str, field: str) -> str:
        body = f"{{% for item in items %}}{{{{ item.{field} }}}}{{% endfor %}}"
        return one(body=body).replace("templates.greeting", f"templates.{template}")

    for template, field in (("some-digest", "at"), ("head-digest", "dossier")):
        good = told(template, field)
        assert Renderer(CATALOGUE, folder(tmp_path, vi=good, en=good)).templates == (template,)
    for template, field, there in (
        ("some-digest", "dossier", "at, text"),
        ("officer-digest", "at", "dossier, procedure_name, text"),
    ):
        bad = told(template, field)
        with pytest.raises(TemplateWrong, match=f"no field {field}; there are {there}"):
            Renderer(CATALOGUE, folder(tmp_path, vi=bad, en=bad))


@pytest.mark.parametrize(
    "body",
    [
        "{% if items %}{{ items[0].at }}{% endif %}{{ due.split(',')[0] }}",
        "{% if items|length > 1 %}{{ items[1].at }}{% endif %}",
        "{% set n = amount|length if amount else 0 %}{{ n + 1 }}",
        "{% for item in (items if items else []) %}{{ item.at }}{% endfor %}",
        "{{ (due or until).split(',')[0] }}{{ 'x' if items and items[0].at }}",
    ],
)
def test_what_stands_under_a_condition_may_need_it(tmp_path: Path, body: str) -> None:
    vi = one(body=body)
    assert Renderer(CATALOGUE, folder(tmp_path, vi=vi)).templates == ("greeting",)


def test_the_templates_that_come_with_the_product_are_the_ones_checked_here() -> None:
    assert sorted(path.name for path in TEMPLATES.iterdir()) == ["en.toml", "vi.toml"]
