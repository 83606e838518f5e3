"""``motcua message preview`` shows what would be sent, and what an SMS costs."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from motcua.cli import build

DOCUMENTS = "documents=Tờ khai [mẫu 01/LPTB]; [/b] [red]bản sao[/red] :warning:"


def preview(*words: str, **environment: str) -> str:
    result = CliRunner().invoke(
        build(), ["message", "preview", *words], env={"COLUMNS": "400", **environment}
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_template_is_listed_with_its_subject() -> None:
    assert "Hồ sơ H29.15-240307-0001 cần bổ sung giấy tờ" in preview()


def test_an_sms_is_shown_with_its_segments_with_and_without_diacritics() -> None:
    shown = preview("retracted")
    assert "SMS with diacritics, as it is sent" in shown
    assert "114 characters, UCS-2, 2 segments" in shown
    assert "Dinh chinh: thong bao ho so H29.15-240307-0001 da qua han la chua dung." in shown
    assert "114 characters, GSM-7, 1 segment" in shown
    assert "SMS without diacritics, as it is sent" in preview("retracted", MOTCUA_SMS_PLAIN="true")


def test_what_is_left_of_an_sms_that_is_too_long_is_shown_too() -> None:
    assert "cut to" not in preview("retracted")
    shown = preview("retracted", MOTCUA_SMS_PARTS="1")
    assert "cut to 1 segment" in shown
    assert "Đính chính: thông báo hồ sơ H29.15-240307-0001 đã quá hạn là chưa…" in shown


def test_so_is_what_is_left_of_a_zalo_message() -> None:
    assert "cut to 2000 characters" not in preview("supplement-demanded")
    papers = "documents=" + "; ".join(["Giấy chứng nhận quyền sử dụng đất"] * 60)
    assert "cut to 2000 characters" in preview("supplement-demanded", "--set", papers)
    assert "cut to 300 characters" in preview(
        "supplement-demanded", "--set", papers, MOTCUA_ZALO_LENGTH="300"
    )


def test_a_message_to_a_head_is_an_e_mail_alone() -> None:
    assert "SMS" not in preview("head-digest")


@pytest.mark.parametrize("words", [("supplement-demanded",), ("stopped",)])
def test_what_people_wrote_in_brackets_is_shown_as_they_wrote_it(words: tuple[str, ...]) -> None:
    reason = DOCUMENTS.replace("documents", "reason")
    shown = preview(*words, "--set", DOCUMENTS, "--set", reason)
    assert "Tờ khai [mẫu 01/LPTB]; [/b] [red]bản sao[/red] :warning:" in shown


def test_a_template_that_is_not_there_is_named() -> None:
    result = CliRunner().invoke(build(), ["message", "preview", "[/b]"])
    assert result.exit_code == 1
    assert "there is no template '[/b]'" in result.stdout
