"""The pages for readers name files, headings and code that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix()
)
_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(
    r"(?<![\w./-])(?:\.ci|contracts|services|motcua|deploy|tests|docs)/\w[\w./-]*(?![\w*<…/-])"
)
_CODE = re.compile(r"`([A-Za-z_][\w.]*)`")
"""What a link calls by the name that it has in the code behind the link."""


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {_slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def _links(page: Path) -> list[tuple[str, str]]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = [(link["text"], link["target"]) for link in _LINK.finditer(text)]
    return [(text, target) for text, target in found if "://" not in target]


def broken(page: Path) -> list[str]:
    """What the page links or names and there is not, each with why."""
    faults: list[str] = []
    for text, target in _links(page):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists():
            faults.append(f"{target}: no such file")
        elif anchor and anchor not in _anchors(linked):
            faults.append(f"{target}: no such heading")
        elif linked.suffix == ".py":
            code = linked.read_text(encoding="utf-8")
            faults += [
                f"{target}: it has no {name}"
                for name in _CODE.findall(text)
                if not name.endswith(".py")
                and not all(re.search(rf"\b{part}\b", code) for part in name.split("."))
            ]
    for named in _NAMED.findall(page.read_text(encoding="utf-8")):
        if not (ROOT / named.rstrip("./")).exists():
            faults.append(f"{named}: no such file")
    return faults


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_links_or_names_is_there(page: Path) -> None:
    assert broken(page) == []


def test_every_page_is_found_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        seen.add(page)
        linked = {(page.parent / target.partition("#")[0]).resolve() for _, target in _links(page)}
        todo += [one for one in linked if one.suffix == ".md" and one not in seen and one.exists()]
    assert set(PAGES) - seen == set()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[x](nowhere.md)", "nowhere.md: no such file"),
        ("[x](#nothing-here)", "#nothing-here: no such heading"),
        ("`services/nowhere/at_all.py` decides.", "services/nowhere/at_all.py: no such file"),
        ("[`Nobody`](code.py)", "code.py: it has no Nobody"),
        ("[`Somebody.here`](code.py)", "code.py: it has no Somebody.here"),
        ("    docs/nowhere.md  in a listing", "docs/nowhere.md: no such file"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, line: str, fault: str) -> None:
    (tmp_path / "code.py").write_text("class Somebody: ...\n")
    page = tmp_path / "page.md"
    page.write_text(f"# A page: `code`, and more\n\n[here](#a-page-code-and-more)\n\n{line}\n")
    assert broken(page) == [fault]
