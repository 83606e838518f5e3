"""The page of the table of authority is what the table says."""

from __future__ import annotations

from motcua.authority import PAGE, main, page


def test_the_page_is_in_step_with_the_table() -> None:
    assert main(["--check"]) == 0, "run `python -m motcua.authority`"
    assert page() == PAGE.read_text(encoding="utf-8")
