"""What messages say: what matters first, times and amounts that nobody misreads, nothing false."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from contracts.catalogue import Unit, load_catalogue
from contracts.events.sla import ALERTS, MoveCause
from contracts.values import FilingChannel, Locale
from services.intake.proofs import CODE_LASTS
from services.notify.channels.segments import fit, parts, plain
from services.notify.dossier.policy import ROUTINE
from services.notify.wording.renderer import ONE_TIME_CODE, Renderer
from services.notify.wording.template import OF_A_CHANGE, Template

CODE = "H29.15-240304-0001"
LINK = f"https://hoso.example.vn/status/{CODE}?key=ABCDEFGHJK"
CATALOGUE = load_catalogue()
RENDERER = Renderer(CATALOGUE, link=lambda _: LINK)
UNIT = CATALOGUE.units["H29.15"]
LONG = "; ".join(["Giấy chứng nhận quyền sử dụng đất (bản chính)"] * 9)
PARAMS = {
    "procedure": "1.013831",
    "unit": "H29.15",
    "due": "17:00 05/04/2024",
    "previous": "17:00 04/04/2024",
    "new_due": "17:00 06/05/2024",
    "until": "17:00 20/03/2024",
    "reason": LONG,
    "documents": LONG,
    "amount": "1500000",
    "outcome": "granted",
}
CHANGES = [
    {"at": "09:00 04/03/2024", "template": "supplement-delivered", "params": {}},
    {"at": "09:01 04/03/2024", "template": "new-date", "params": {"due": "08:10 05/03/2024"}},
    {"at": "12:00 04/03/2024", "template": "soon-due", "params": {"due": "08:10 05/03/2024"}},
]
DIGEST = {"items": json.dumps(CHANGES)}


def said(template: str, locale: str = "vi", **params: str) -> Any:
    return RENDERER.render(template, locale, CODE, {**PARAMS, **params})


def test_the_short_form_of_a_digest_tells_each_change_in_order_and_the_code_once() -> None:
    assert said("digest", **DIGEST).short == (
        f"Hồ sơ {CODE}:\n"
        "- Đã nhận giấy tờ bổ sung.\n"
        "- Hẹn trả kết quả mới: 08:10 ngày 05/03/2024.\n"
        "- Sắp đến hạn trả: 08:10 ngày 05/03/2024.\n"
        f"{LINK}"
    )
    assert "- 09:00 ngày 04/03/2024: Đã nhận giấy tờ bổ sung.\n" in said("digest", **DIGEST).body


def test_of_a_digest_that_is_cut_the_newest_change_and_the_address_stay() -> None:
    cut = fit(said("digest", **DIGEST).short, 3)
    assert parts(cut) == 3
    assert cut.startswith(f"Hồ sơ {CODE}:\n…\n- Hẹn trả")
    assert cut.endswith(f"- Sắp đến hạn trả: 08:10 ngày 05/03/2024.\n{LINK}")


def test_a_digest_without_an_address_ends_in_its_newest_change() -> None:
    text = Renderer(CATALOGUE).render("digest", "vi", CODE, DIGEST)
    assert text.short.endswith("- Sắp đến hạn trả: 08:10 ngày 05/03/2024.")


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("template", sorted(ROUTINE))
def test_what_can_wait_for_a_digest_has_a_line_there_without_the_code(
    template: str, locale: Locale
) -> None:
    item = json.dumps([{"at": "09:00 04/03/2024", "template": template, "params": PARAMS}])
    lines = said("digest", locale, items=item).short.split("\n")
    assert len(lines) == 3
    assert CODE not in lines[1]


def test_an_item_of_a_template_that_has_no_line_for_it_is_told_in_its_short_form() -> None:
    item = {"at": "09:00 04/03/2024", "template": "stopped", "params": {"reason": "a\n- b."}}
    lines = said("digest", items=json.dumps([item])).short.split("\n")
    assert lines[1] == f"- Hồ sơ {CODE} đã dừng xử lý. Lý do: a - b."


@pytest.mark.parametrize("without", [plain, str])
@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize(
    ("template", "essential"),
    [
        ("supplement-demanded", ("17:00 ngày 20/03/2024", "17:00, 20 March 2024")),
        ("payment-demanded", ("17:00 ngày 20/03/2024", "17:00, 20 March 2024")),
        ("payment-demanded", ("1.500.000 đồng", "VND 1,500,000")),
        ("apology", ("17:00 ngày 06/05/2024", "17:00, 6 May 2024")),
        ("not-received", ("không được tiếp nhận", "not accepted")),
        ("stopped", ("đã dừng xử lý", "stopped")),
        ("processed", (UNIT.name_vi, UNIT.name_en)),
    ],
)
def test_an_sms_that_is_cut_keeps_what_matters_and_the_address(
    template: str, essential: tuple[str, str], locale: Locale, without: Any
) -> None:
    cut = fit(without(said(template, locale).short), 3)
    assert without(essential[locale is Locale.EN]) in cut
    assert cut.endswith(f" {LINK}")


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize(
    "template",
    [
        "registered",
        "received",
        "new-date",
        "soon-due",
        "supplement-delivered",
        "payment-received",
        "resumed",
        "withdrawn",
        "returned",
    ],
)
def test_what_everybody_is_told_costs_one_segment(template: str, locale: Locale) -> None:
    assert parts(RENDERER.render(template, locale, "H29.101-260311-0001", PARAMS).short) == 1


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("template", sorted(OF_A_CHANGE))
def test_what_is_told_of_a_change_of_contact_data_is_one_segment_and_leads_nowhere(
    template: str, locale: Locale
) -> None:
    params = {"until": "17:00 20/03/2024", ONE_TIME_CODE: "01234567"}
    text = RENDERER.render(template, locale, "contact-x", params)
    assert parts(text.short) == 1
    told = (text.subject, text.body, text.short)
    assert not any("contact-x" in part or "https" in part for part in told)
    code = template == Template.CONTACT_CODE
    assert ["01234567" in part for part in told] == [False, code, code]
    lasts = f"{CODE_LASTS.total_seconds() / 60:.0f} "
    assert (lasts + ("phút" if locale == "vi" else "minutes") in text.short) is code


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("end", [".", "...", "…", ". \n", ""])
@pytest.mark.parametrize("template", RENDERER.templates)
def test_a_sentence_has_one_full_stop(template: str, end: str, locale: Locale) -> None:
    wrote = {"reason": f"Thiếu chữ ký{end}", "documents": f"Đơn{end}; Tờ khai{end}"}
    text = said(template, locale, **wrote, items="[]")
    for part in (text.subject, text.body, text.short):
        assert ".." not in part
        assert "…" not in part
        assert ".;" not in part


def test_a_list_in_what_somebody_wrote_is_no_list_of_ours() -> None:
    assert said("stopped", reason="a\n- b\n- c").short.count("\n") == 0


@pytest.mark.parametrize(
    ("locale", "due", "amount"),
    [
        ("vi", "17:00 ngày 05/04/2024", "1.500.000 đồng"),
        ("en", "17:00, 5 April 2024", "VND 1,500,000"),
    ],
)
def test_times_and_amounts_are_written_as_on_the_status_page(
    locale: str, due: str, amount: str
) -> None:
    assert due in said("received", locale).body
    assert amount in said("payment-demanded", locale).body


@pytest.mark.parametrize("locale", Locale)
def test_what_was_written_down_in_another_form_is_shown_as_it_stands(locale: Locale) -> None:
    assert "tuần sau" in said("received", locale, due="tuần sau").short
    assert "32:00 99/03/2024" in said("received", locale, due="32:00 99/03/2024").short
    assert " 1,5 triệu " in said("payment-demanded", locale, amount="1,5 triệu", until="").body


def test_a_date_that_new_rules_moved_is_not_said_to_be_the_calendars() -> None:
    cause = {"cause": str(MoveCause.RULES_CHANGED)}
    assert "lịch làm việc hoặc quy định về thời hạn mới" in said("new-date", **cause).body
    assert "calendar or new rules on time limits" in said("new-date", "en", **cause).body


def test_a_refusal_is_final() -> None:
    text = said("not-received", reason="r")
    for part in (text.subject, text.body, text.short):
        assert "không được tiếp nhận" in part
        assert "chưa" not in part


def test_an_apology_says_what_it_is_about() -> None:
    again = f"hồ sơ {CODE} được hẹn trả kết quả lại vào 17:00 ngày 06/05/2024."
    assert again in said("apology").short
    assert said("overdue").subject == f"Xin lỗi về việc hồ sơ {CODE} quá hạn trả kết quả"


@pytest.mark.parametrize("locale", Locale)
def test_a_result_that_was_denied_is_not_told_as_good_news(locale: Locale) -> None:
    denied = ("không đủ điều kiện giải quyết", "could not be granted")[locale is Locale.EN]
    assert denied in said("processed", locale, outcome="denied").short
    assert denied not in said("processed", locale).short


RETURNED = {
    ("vi", FilingChannel.COUNTER): f"{UNIT.name_vi} trả trực tiếp cho Ông/Bà.",
    ("vi", FilingChannel.POSTAL): f"{UNIT.name_vi} trả cho Ông/Bà qua dịch vụ bưu chính công ích.",
    ("vi", FilingChannel.ONLINE): f"{UNIT.name_vi} trả cho Ông/Bà theo hình thức trực tuyến.",
    ("vi", ""): f"{UNIT.name_vi} trả cho Ông/Bà.",
    ("en", FilingChannel.COUNTER): " to you in person.",
    ("en", FilingChannel.POSTAL): " to you by post.",
    ("en", FilingChannel.ONLINE): " to you online.",
    ("en", ""): " to you.",
}


@pytest.mark.parametrize(("locale", "channel"), RETURNED)
def test_how_a_result_was_returned_is_said_if_it_is_known(locale: str, channel: str) -> None:
    text = said("returned", locale, **({"channel": channel} if channel else {}))
    assert RETURNED[locale, channel] in text.body


@pytest.mark.parametrize("locale", Locale)
def test_every_alert_that_a_head_is_told_of_has_its_words_and_its_time(locale: Locale) -> None:
    items = [{"kind": a.NAME, "due": "09:00 05/03/2024", "dossier": CODE} for a in ALERTS]
    lines = said("head-digest", locale, items=json.dumps(items)).body.split("\n")
    told = [line for line in lines if line.startswith("- ")]
    assert len(told) == len(ALERTS)
    for line, alert in zip(told, ALERTS, strict=True):
        assert alert.NAME not in line
        assert ("05/03/2024" in line) or ("5 March 2024" in line)


def test_a_demand_too_many_has_the_time_when_it_was_made_and_no_deadline() -> None:
    item = {"kind": "SupplementRepeated", "due": "09:00 05/03/2024", "dossier": CODE}
    body = said("head-digest", items=json.dumps([item])).body
    assert f"- {CODE}: yêu cầu bổ sung quá số lần quy định, lúc 09:00 ngày 05/03/2024\n" in body
    assert "kể từ bản tổng hợp trước:" in body


def test_an_alert_of_which_nothing_is_said_is_named() -> None:
    item = {"kind": "Strange", "due": "09:00 05/03/2024", "dossier": CODE}
    assert f"- {CODE}: Strange\n" in said("head-digest", items=json.dumps([item])).body


def test_the_question_how_content_one_is_ends_in_the_address() -> None:
    for locale in Locale:
        text = said("rating", locale)
        assert text.short.endswith(f"{LINK}#rating")
        assert f"{LINK}#rating\n" in text.body
        assert text.body.count(LINK) == 1


@pytest.mark.parametrize("template", RENDERER.templates)
def test_every_mail_says_at_its_end_who_it_is_from(template: str) -> None:
    ends = {
        Locale.VI: "\n\nTrân trọng,\nBộ phận Một cửa Thành phố Hồ Chí Minh\n",
        Locale.EN: "\n\nYours sincerely,\nThe one-stop service of Ho Chi Minh City\n",
    }
    for locale, end in ends.items():
        assert said(template, locale, items="[]").body.endswith(end)


def test_a_letter_of_apology_says_by_whom_it_is_signed() -> None:
    assert f"Thư xin lỗi do Thủ trưởng {UNIT.name_vi} ký." in said("apology").body
    assert f"signed by the head of the {UNIT.name_en}." in said("apology", "en").body
    vi, en = (said("apology", locale, delegated="yes").body for locale in ("vi", "en"))
    assert f"do cán bộ được Thủ trưởng {UNIT.name_vi} ủy quyền ký." in vi
    assert f"an officer to whom the head of the {UNIT.name_en} delegated this." in en


@pytest.mark.parametrize(
    ("alert", "vi", "en"),
    [
        ("DossierOverdue", f"hồ sơ {CODE} đã quá hạn", f"that dossier {CODE} was overdue"),
        ("DossierSoonDue", f"hồ sơ {CODE} sắp đến hạn", f"that dossier {CODE} was due soon"),
        ("", f"về thời hạn của hồ sơ {CODE}", f"about the due date of dossier {CODE}"),
    ],
)
def test_a_correction_says_which_notice_was_wrong(alert: str, vi: str, en: str) -> None:
    assert f"{vi} là chưa đúng." in said("retracted", alert=alert).short
    text = said("retracted", "en", alert=alert)
    assert f"{en} was wrong." in text.short
    assert text.subject == f"Correction: our message {en}"


@pytest.mark.parametrize("template", RENDERER.templates)
def test_a_department_has_its_article_in_english(template: str) -> None:
    text = said(template, "en", items="[]", count="3", again="yes")
    for part in (text.subject, text.body, text.short):
        # A headline begins with whom it is about.
        bare = part.removeprefix(f"{UNIT.name_en}: ")
        assert len(re.findall(rf"[Tt]he {UNIT.name_en}", bare)) == bare.count(UNIT.name_en)


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("template", ["supplement-delivered", "payment-received", "resumed"])
def test_that_a_dossier_goes_on_is_said_only_if_it_does(template: str, locale: Locale) -> None:
    goes_on = {Locale.VI: "tiếp tục được xử lý", Locale.EN: "again"}[locale]
    if template == "resumed" and locale is Locale.EN:
        goes_on = "The handling of your dossier"
    for status in ("", "received", "in_process"):
        assert goes_on in said(template, locale, status=status).body
    for status in ("supplement_requested", "payment_requested"):
        waiting = said(template, locale, status=status)
        assert goes_on not in waiting.subject + waiting.body + waiting.short
        assert {"vi": "còn chờ Ông/Bà", "en": "wait"}[locale] in waiting.body
    if template != "resumed":
        assert goes_on not in said(template, locale, status="stopped").body
        assert {"vi": "vẫn đang dừng", "en": "still stopped"}[locale] in said(
            template, locale, status="stopped"
        ).body
        assert goes_on not in said(template, locale, status="processed").body


@pytest.mark.parametrize("locale", Locale)
def test_no_letter_is_promised_or_asked_for_where_none_is_owed(locale: Locale) -> None:
    letter = {Locale.VI: "thư xin lỗi", Locale.EN: "letter of apology"}[locale]
    assert letter in said("overdue", locale, new_due="").body
    assert letter not in said("overdue", locale, new_due="", exempt="yes").body


@pytest.mark.parametrize("locale", Locale)
def test_a_letter_without_a_new_date_speaks_of_none(locale: Locale) -> None:
    new_date = {Locale.VI: "hẹn lại", Locale.EN: "new date"}[locale]
    with_it, without = said("apology", locale), said("apology", locale, new_due="")
    assert new_date in with_it.subject
    for part in (without.subject, without.body, without.short):
        assert new_date not in part
        assert CODE in part
    assert {Locale.VI: "xin lỗi", Locale.EN: "apologises"}[locale] in without.body
    promised = {Locale.VI: "Ngày hẹn lại", Locale.EN: "new date"}[locale]
    assert promised not in said("overdue", locale, new_due="", apologised="yes").body


@pytest.mark.parametrize("locale", Locale)
def test_a_last_call_says_what_can_still_be_done_and_claims_no_debt(locale: Locale) -> None:
    due = "17:00 05/04/2024"

    def line(kind: str) -> str:
        items = json.dumps([{"dossier": CODE, "procedure": "", "kind": kind, "due": due}])
        found: str = said("head-digest", locale, items=items, count="1").body
        return next(each for each in found.splitlines() if CODE in each)

    called, owed = line("LastCallGiven"), line("ApologyOwed")
    assert {Locale.VI: "nhắc lần cuối", Locale.EN: "last call"}[locale] in called
    assert {Locale.VI: "giải quyết xong", Locale.EN: "finish it in time"}[locale] in called
    assert {Locale.VI: "phải có thư xin lỗi", Locale.EN: "is owed"}[locale] in owed
    assert {Locale.VI: "phải có thư xin lỗi", Locale.EN: "is owed"}[locale] not in called


@pytest.mark.parametrize("unit", [*CATALOGUE.units.values()], ids=lambda unit: unit.code)
@pytest.mark.parametrize("locale", Locale)
def test_whoever_is_let_down_twice_is_promised_no_third_date_and_told_whom_to_ask(
    locale: Locale, unit: Unit
) -> None:
    text = said("overdue", locale, again="yes", new_due="", unit=unit.code)
    name = {Locale.VI: unit.name_vi, Locale.EN: f"he {unit.name_en}"}[locale]
    for part in (text.body, fit(text.short, 3)):
        assert {Locale.VI: "không có ngày hẹn mới", Locale.EN: "will be no other"}[locale] in part
        assert {Locale.VI: "thư xin lỗi", Locale.EN: "letter"}[locale] not in part
        assert name in part
    assert unit.address in text.body
    assert (unit.address in text.short) or text.short.endswith(LINK)
    assert {Locale.VI: "hẹn lại", Locale.EN: "new date"}[locale] in text.subject


HEADLINES = {
    ("head-overdue", "vi", 1): f"Hồ sơ {CODE} đã quá hạn",
    ("head-overdue", "vi", 3): f"{UNIT.name_vi}: 3 hồ sơ đã quá hạn",
    ("head-overdue", "en", 1): f"{UNIT.name_en}: dossier {CODE} is overdue",
    ("head-overdue", "en", 3): f"{UNIT.name_en}: 3 dossiers are overdue",
    ("officer-overdue", "vi", 1): f"Hồ sơ {CODE} Ông/Bà đang thụ lý đã quá hạn",
    ("officer-overdue", "vi", 3): "3 hồ sơ Ông/Bà đang thụ lý đã quá hạn",
    ("officer-overdue", "en", 1): f"Dossier {CODE} that you lead is overdue",
    ("officer-overdue", "en", 3): "3 dossiers that you lead are overdue",
    ("head-retracted", "vi", 1): f"Đính chính: hồ sơ {CODE} không quá hạn",
    ("head-retracted", "vi", 3): f"Đính chính: 3 hồ sơ của {UNIT.name_vi} không quá hạn",
    ("head-retracted", "en", 1): f"Correction: dossier {CODE} of the {UNIT.name_en} is not overdue",
    ("head-retracted", "en", 3): f"Correction: 3 dossiers of the {UNIT.name_en} are not overdue",
    ("officer-retracted", "vi", 1): f"Đính chính: hồ sơ {CODE} Ông/Bà thụ lý không quá hạn",
    ("officer-retracted", "vi", 3): "Đính chính: 3 hồ sơ Ông/Bà thụ lý không quá hạn",
    ("officer-retracted", "en", 1): f"Correction: dossier {CODE} that you lead is not overdue",
    ("officer-retracted", "en", 3): "Correction: 3 dossiers that you lead are not overdue",
}


@pytest.mark.parametrize(("template", "locale", "count"), HEADLINES)
def test_breaches_are_headed_by_the_dossier_or_by_how_many_there_are(
    template: str, locale: str, count: int
) -> None:
    item = {
        "dossier": CODE,
        "procedure": "1.013831",
        "kind": "DossierOverdue" if template.endswith("overdue") else "AlertRetracted",
        "due": "10:15 04/04/2024",
    }
    text = said(template, Locale(locale), items=json.dumps([item]), count=str(count))
    assert text.subject == HEADLINES[template, locale, count]
    procedure = CATALOGUE.procedures["1.013831"]
    name = procedure.name_vi if locale == "vi" else procedure.name_en
    (line,) = [line for line in text.body.split("\n") if line.startswith("- ")]
    assert line.startswith(f"- {CODE} ({name}): ")
    assert ("không" in line or "not " in line) == template.endswith("retracted")
    more = {"vi": "và 2 hồ sơ khác.", "en": "and 2 others."}[locale]
    assert (more in text.body) == (count == 3)


def test_a_correction_without_a_date_says_none() -> None:
    item = {"dossier": CODE, "procedure": "", "kind": "AlertRetracted", "due": ""}
    body = said("head-retracted", items=json.dumps([item]), count="1").body
    assert f"- {CODE}: không quá hạn\n" in body


@pytest.mark.parametrize("template", ["head-digest", "officer-digest"])
def test_a_dossier_with_several_alerts_is_one_line_of_a_morning(template: str) -> None:
    item = {"dossier": CODE, "kind": "DossierOverdue", "due": "10:15 04/04/2024"}
    also = [{"kind": "StepOverdue", "due": "09:00 03/04/2024"}]
    body = said(template, items=json.dumps([{**item, "also": also}]), count="1").body
    assert (
        f"- {CODE}: đã quá hạn trả kết quả, hạn 10:15 ngày 04/04/2024; "
        "một bước xử lý bị chậm, hạn của bước 09:00 ngày 03/04/2024\n"
    ) in body
