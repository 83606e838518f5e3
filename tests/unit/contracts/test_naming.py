"""A text that names nobody comes in, and one that does is seen, however it is written."""

from __future__ import annotations

import pytest

from contracts.naming import names_a_person


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gửi cho nguyen.thi@example.vn nhé", "an e-mail address"),
        ("(Nguyễn+x@ubnd.hochiminhcity.gov.vn)", "an e-mail address"),
        ("CCCD 079123456789 cấp năm 2021", "a citizen's number"),
        ("số 001099012345.", "a citizen's number"),
        ("gọi 0901234567", "the number of a mobile phone"),
        ("gọi 090 123 4567 hoặc đến quầy", "the number of a mobile phone"),
        ("+84 901 234 567", "the number of a mobile phone"),
        ("MST 0312345678, gọi 0901234567", "the number of a mobile phone"),
    ],
)
def test_what_tells_who_somebody_is_is_seen(text: str, found: str) -> None:
    assert names_a_person(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "thiếu ảnh 4x6 @ quầy 3",
        "lệ phí 1.200.000 đồng, nộp trước 17:00 ngày 09/01/2026",
        "theo Quyết định 766/QĐ-TTg ngày 23/6/2022, Thông tư 01/2018/TT-VPCP",
        "hồ sơ H29.101-260311-0001, thủ tục 1.004194",
        "thửa đất số 123, tờ bản đồ 45, diện tích 100,5 m2",
        "tổng đài (028) 38291234 giờ hành chính, hoặc 1022",
        "MST 0312345678; Mã số thuế: 0312345678-001",
        "số vào sổ 999123456789, biên lai 0791234567890",
    ],
)
def test_what_names_nobody_comes_in(text: str) -> None:
    assert names_a_person(text) is None
