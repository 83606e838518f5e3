"""The status page as citizens use it: on a phone, without scripts, by keyboard, in two tongues."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Page,
    Request,
    Route,
    ViewportSize,
    expect,
)

from deploy.local.fakes.smtp.accepted import read_accepted_mails
from deploy.local.stack.city import Instance
from deploy.local.stack.endpoints import Endpoints
from tests.browser.conftest import Dossier
from tests.support.eventually import eventually
from tests.support.office import OFFICER, Office, filing

pytestmark = [pytest.mark.integration, pytest.mark.browser, pytest.mark.slow]

PHONE: ViewportSize = {"width": 320, "height": 640}
DESK = {"width": 1280, "height": 900}
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def plain(chromium: Browser) -> Iterator[Page]:
    """A phone that runs no JavaScript."""
    context = chromium.new_context(
        java_script_enabled=False,
        viewport=PHONE,
        locale="vi-VN",
    )
    yield context.new_page()
    context.close()


def test_a_dossier_is_found_with_the_code_and_key_on_the_receipt(
    page: Page, instance: Instance, dossier: Dossier
) -> None:
    page.goto(instance.url)
    page.get_by_label("Mã hồ sơ").fill(dossier.code.lower())
    page.get_by_label("Mã tra cứu").fill("AAAAAAAAAA")
    page.get_by_role("button", name="Tra cứu").click()
    expect(page.get_by_role("alert")).to_contain_text("Không tìm thấy hồ sơ")
    page.get_by_label("Mã tra cứu").fill(dossier.key)
    page.get_by_role("button", name="Tra cứu").click()
    expect(page).to_have_title(re.compile(f"Đang xử lý: {re.escape(dossier.code)}"))
    expect(page.locator("#now")).to_contain_text("bước 1/2: Kiểm tra hồ sơ")


def test_after_a_slip_the_code_stands_there_and_the_key_is_typed_anew(
    plain: Page, instance: Instance, dossier: Dossier
) -> None:
    plain.goto(instance.url)
    typed = dossier.code.replace("-", " \N{EN DASH} ")
    plain.get_by_label("Mã hồ sơ").fill(typed)
    plain.get_by_label("Mã tra cứu").fill("AAAAAAAAAA")
    plain.get_by_role("button", name="Tra cứu").click()
    expect(plain.get_by_label("Mã hồ sơ")).to_have_value(typed)
    key = plain.get_by_label("Mã tra cứu")
    expect(key).to_be_empty()
    expect(key).to_be_focused()
    expect(key).to_have_accessible_description(re.compile("Mã hồ sơ hoặc mã tra cứu chưa đúng"))
    expect(plain.locator("#wrong")).to_be_in_viewport()
    key.fill(f"{dossier.key[:5]}\N{NO-BREAK SPACE}{dossier.key[5:]}")
    plain.keyboard.press("Enter")
    expect(plain.locator("#now")).to_be_visible()


def test_on_paper_there_is_the_qr_code_and_nothing_that_can_be_pressed(
    page: Page, dossier: Dossier
) -> None:
    page.goto(dossier.receipt)
    press = page.get_by_role("button", name="In trang này")
    expect(press).to_be_visible()
    page.emulate_media(media="print")
    expect(press).to_be_hidden()
    for hidden in (".top", ".skip", ".ways"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.get_by_role("img", name=dossier.code)).to_be_visible()
    square = page.locator(".qr svg").bounding_box()
    assert square is not None
    assert min(square["width"], square["height"]) >= 150
    expect(page.get_by_text(dossier.code, exact=True)).to_be_visible()
    expect(page.get_by_text("Bản in để tra cứu", exact=True)).to_be_visible()
    page.goto(dossier.status)
    for hidden in (".top", ".ways", "#preferences"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator("#now")).to_be_visible()


def test_pages_that_were_refused_their_changes_do_not_all_ask_again_at_one_instant(
    context: BrowserContext, dossier: Dossier
) -> None:
    context.add_init_script(
        """window.waits = [];
        window.setTimeout = (what, wait) => { window.waits.push(wait); return 0; };"""
    )
    waits = set()
    for _ in range(4):
        page = context.new_page()
        page.route("**/events?*", lambda route: route.fulfill(status=502, body="restarting"))
        page.goto(dossier.status)
        expect(page.get_by_text("Tự động cập nhật")).to_be_hidden()
        waits.add(eventually(lambda at=page: at.evaluate("window.waits[0]")))  # type: ignore[misc]
    assert len(waits) == 4
    assert all(20_000 <= wait <= 40_000 for wait in waits)


def test_whoever_is_lost_finds_the_way_back_in_their_language(
    page: Page, instance: Instance
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{instance.url}/status/")
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("link", name="Look up a dossier").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Where is your dossier?")


def test_the_link_in_the_mail_opens_the_page_and_the_receipt_has_its_qr_code(
    page: Page, endpoints: Endpoints, office: Office
) -> None:
    address = f"{uuid.uuid4().hex}@example.vn"
    body = {
        "filing": filing(citizen=address.partition("@")[0]),
        "by": OFFICER,
        "contact": {"email": address},
    }
    code = office.post("intake", "/dossiers", body).json()["code"]
    soon = (datetime.now(UTC) + timedelta(hours=3)).isoformat()  # urgent: told at night, too
    demand = {"documents": ["Ảnh 4x6"], "reason": "Thiếu ảnh", "until": soon, "by": OFFICER}
    office.agrees(code, "in_process", "notify", "intake")
    office.does("intake", code, "supplement-demand", demand)
    mail = eventually(
        lambda: next(
            (
                accepted.parsed()
                for accepted in read_accepted_mails(endpoints.smtp_ledger)
                if address in accepted.rcpt_to and "bổ sung" in accepted.subject
            ),
            None,
        ),
        what=f"the demand to {address}",
    )
    text = mail.get_body(("plain",))
    assert text is not None
    link = re.search(r"http://\S+", text.get_content())
    assert link is not None
    page.goto(link[0])
    expect(page.locator(".asked")).to_contain_text("Ảnh 4x6")
    page.get_by_role("link", name="In thông tin tiếp nhận").click()
    expect(page.get_by_role("img", name=code)).to_be_visible()


def test_a_change_shows_while_the_page_is_open_and_is_read_out(
    page: Page, dossier: Dossier
) -> None:
    page.goto(dossier.status)
    expect(page.get_by_text("Tự động cập nhật")).to_be_visible()
    dossier.needs_papers()
    expect(page.locator("#now")).to_have_text("Hồ sơ đang chờ Ông/Bà bổ sung giấy tờ.")
    expect(page.locator(".asked")).to_contain_text("Ảnh 4x6 nền trắng")
    expect(page.locator("#news")).to_contain_text("Hồ sơ vừa có thay đổi.")
    assert page.locator("#news").get_attribute("role") == "status"
    expect(page).to_have_title(re.compile("Yêu cầu bổ sung giấy tờ"))


@pytest.mark.parametrize("answer", [503, 429, None])
def test_a_change_that_could_not_be_loaded_is_loaded_a_little_later(
    context: BrowserContext, dossier: Dossier, answer: int | None
) -> None:
    page = context.new_page()
    page.goto(dossier.status)
    mark = page.get_by_text("Tự động cập nhật")
    expect(mark).to_be_visible()

    def fail(route: Route) -> None:
        if answer is None:
            route.abort()
        else:
            route.fulfill(status=answer, body="<p>not now</p>", content_type="text/html")

    page.route(lambda url: url == dossier.status, fail, times=1)
    with page.expect_request(dossier.status):
        dossier.needs_papers()
    expect(mark).to_be_hidden()
    expect(page.locator(".asked")).to_contain_text("Ảnh 4x6 nền trắng", timeout=20_000)
    expect(mark).to_be_visible()


def test_where_changes_are_read_out_is_there_before_there_is_one_and_takes_no_room(
    plain: Page, dossier: Dossier
) -> None:
    plain.goto(dossier.status)  # and no script tells of a change meanwhile
    news = plain.locator("#news")
    expect(news).to_be_empty()
    assert news.evaluate("(at) => getComputedStyle(at).display") != "none"
    expect(plain.get_by_role("status")).to_have_count(1)
    assert plain.evaluate(
        """() => {
            const at = (id) => document.getElementById(id).getBoundingClientRect();
            const name = document.querySelector(".name").getBoundingClientRect();
            const gap = (one, other) => Math.round(other.top - one.bottom);
            return gap(name, at("live")) === gap(at("live"), at("preferences"));
        }"""
    )


def test_what_someone_is_filling_in_survives_a_change(page: Page, dossier: Dossier) -> None:
    page.goto(dossier.status)
    expect(page.get_by_text("Tự động cập nhật")).to_be_visible()
    page.get_by_text("Chọn cách nhận thông báo").click()
    page.get_by_label("Từ", exact=True).fill("20:15")
    dossier.needs_papers()
    expect(page.locator(".asked")).to_be_visible()
    expect(page.get_by_label("Từ", exact=True)).to_have_value("20:15")
    expect(page.get_by_label("Từ", exact=True)).to_be_focused()


def test_without_javascript_the_page_is_complete_and_its_forms_work(
    plain: Page, instance: Instance, dossier: Dossier
) -> None:
    dossier.is_done()
    plain.goto(instance.url)
    plain.get_by_label("Mã hồ sơ").fill(dossier.code)
    plain.get_by_label("Mã tra cứu").fill(dossier.key)
    plain.get_by_role("button", name="Tra cứu").click()
    for heading in ("Tình trạng hồ sơ", "Các bước giải quyết", "Cơ quan phụ trách", "Quá trình"):
        expect(plain.get_by_role("heading", name=heading)).to_be_visible()
    plain.get_by_text("Chọn cách nhận thông báo").click()
    plain.get_by_label("Ngôn ngữ của thông báo").select_option("en")
    plain.get_by_role("button", name="Lưu").click()
    expect(plain.locator(".told")).to_contain_text("Đã lưu")
    plain.get_by_role("button", name="Rất hài lòng", exact=False).first.click()
    expect(plain.locator(".told")).to_contain_text("Đã ghi nhận ý kiến")
    expect(plain.locator("#rating")).to_contain_text("5/5")


def test_nothing_is_wider_than_a_small_phone(
    context: BrowserContext, instance: Instance, dossier: Dossier
) -> None:
    dossier.needs_papers("https://vi.example/" + "rất-dài" * 60)
    page = context.new_page()
    page.set_viewport_size(PHONE)
    for where in (instance.url, dossier.status, dossier.receipt):
        page.goto(where)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], where
    page.goto(dossier.status)
    page.get_by_text("Chọn cách nhận thông báo").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_language_can_be_changed_on_each_page(
    page: Page, instance: Instance, dossier: Dossier
) -> None:
    page.goto(instance.url)
    assert page.locator("html").get_attribute("lang") == "vi"
    page.get_by_role("link", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("heading", level=1)).to_have_text("Where is your dossier?")
    page.goto(dossier.status)
    page.get_by_role("link", name="English").click()
    expect(page.locator("#now")).to_contain_text("The dossier is being handled by")
    expect(page.get_by_role("heading", level=1)).to_have_text("Certificate of marital status")
    page.get_by_role("link", name="Tiếng Việt").click()
    assert page.locator("html").get_attribute("lang") == "vi"


def test_all_can_be_done_with_the_keyboard_alone(
    page: Page, instance: Instance, dossier: Dossier
) -> None:
    page.goto(instance.url)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Chuyển đến nội dung chính")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Mã hồ sơ")).to_be_focused()
    page.keyboard.type(dossier.code)
    page.keyboard.press("Tab")
    page.keyboard.type(dossier.key)
    page.keyboard.press("Enter")
    expect(page.locator("#now")).to_be_visible()
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                const at = document.activeElement;
                if (at === document.body) return null;
                const outline = getComputedStyle(at);
                return [at.tagName, outline.outlineStyle !== "none"];
            }"""
        )
        if focused is None:
            break
        seen.append(focused)
    assert ["SUMMARY", True] in seen
    assert all(visible for _, visible in seen), seen


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_no_page_has_a_fault_that_can_be_found_by_rule(
    chromium: Browser, instance: Instance, dossier: Dossier, viewport: dict[str, int], dark: bool
) -> None:
    context = chromium.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    dossier.needs_papers()
    wrong = f"{instance.url}/status/{dossier.code}?key=AAAAAAAAAA"
    pages = [instance.url, dossier.status, f"{dossier.status}&lang=en", dossier.receipt, wrong]
    for where in pages:
        page.goto(where)
        for details in page.locator("summary").all():
            details.click()
        found = Axe().run(page, options=WCAG)
        assert found.violations_count == 0, f"{where}: {found.generate_report()}"
    page.goto(f"{instance.url}/?lang=vi")
    page.get_by_label("Mã hồ sơ").fill(dossier.code)
    page.get_by_label("Mã tra cứu").fill("AAAAAAAAAA")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Mã tra cứu")).to_be_focused()
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_the_result_can_be_rated_with_one_tap_as_axe_and_the_law_like_it(
    page: Page, dossier: Dossier
) -> None:
    dossier.is_done()
    page.goto(f"{dossier.status}#rating")
    expect(page.locator("#rating")).to_be_in_viewport()
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="Hài lòng", exact=False).nth(1).click()
    expect(page.locator("#rating")).to_contain_text("4/5")


def test_what_an_officer_wrote_runs_nothing(page: Page, dossier: Dossier) -> None:
    asked: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    dossier.needs_papers("<img src=x onerror=alert(1)><script>alert(2)</script>")
    page.goto(dossier.status)
    expect(page.locator(".asked")).to_contain_text("<script>alert(2)</script>")
    assert asked == []


def test_the_first_load_is_less_than_a_hundred_kilobytes_and_asks_nobody_else(
    context: BrowserContext, instance: Instance, dossier: Dossier
) -> None:
    page = context.new_page()
    done: list[Request] = []
    page.on("requestfinished", lambda request: done.append(request))
    with page.expect_request_finished(lambda request: "/live.js" in request.url):
        page.goto(dossier.status)
    expect(page.get_by_text("Tự động cập nhật")).to_be_visible()
    answers = [request.response() for request in done if request.resource_type != "eventsource"]
    sizes = {answer.url: len(answer.body()) for answer in answers if answer is not None}
    assert all(url.startswith(instance.url) for url in sizes), list(sizes)
    assert len(sizes) >= 3
    assert sum(sizes.values()) < 100 * 1024, sizes
