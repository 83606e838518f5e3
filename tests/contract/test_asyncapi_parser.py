"""The official AsyncAPI parser finds no error in the document, and all that is in it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.tooling.asyncapi import document
from contracts.tooling.generate import ROOT, rendered
from tests.support.tools import Tool

PARSER = "@asyncapi/parser@3.6.6"
INTEGRITY = (
    "sha512-DppE3OStajt6gHc+RsVf9VxRwW9WACagHnFvkOML5rZG"
    "wS9hXxtFYTxnsH3mHPRgHom0rClMs6DpbjNY65Y54A=="
)
"""Of the package, as the registry has it. It names no other package that would have to be fetched:
the parser's bundle for browsers has all of them in it."""
SCRIPT = Path(__file__).with_name("asyncapi_parse.js")
ERROR = 0
"""The severity of a diagnostic that makes a document invalid."""

Parse = Callable[[Path], dict[str, Any]]


@pytest.fixture(scope="module")
def parse(pytestconfig: pytest.Config) -> Parse:
    """The parser. It is fetched once, checked by its hash, and kept in pytest's cache."""
    npm = Tool.NPM.needed()
    folder = pytestconfig.rootpath / ".pytest_cache" / "d" / "asyncapi-parser"
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / "asyncapi-parser-3.6.6.tgz"
    if not package.exists():
        command = [npm, "pack", "--silent", "--pack-destination", str(folder), PARSER]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm cannot fetch {PARSER}: {done.stderr.strip().splitlines()[-1]}")
    digest = hashlib.sha512(package.read_bytes()).digest()
    assert f"sha512-{base64.b64encode(digest).decode()}" == INTEGRITY
    bundle = folder / "parser.js"
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/browser/index.js")
        assert member is not None
        bundle.write_bytes(member.read())

    def parse(file: Path) -> dict[str, Any]:
        command = ["node", str(SCRIPT), str(bundle), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return parse


def errors(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in found["diagnostics"] if each["severity"] == ERROR]


def test_the_document_has_no_error_and_the_parser_sees_every_message(parse: Parse) -> None:
    found = parse(ROOT / "asyncapi.json")
    assert errors(found) == []
    names = {message["name"] for message in document()["components"]["messages"].values()}
    assert set(found["messages"]) == names


def test_the_parser_finds_a_fault(parse: Parse, tmp_path: Path) -> None:
    broken = document()
    broken["channels"]["dossier.events"]["bindings"]["kafka"]["partitions"] = "many"
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    (tmp_path / "asyncapi.json").write_text(rendered(broken), encoding="utf-8")
    places = {error["path"] for error in errors(parse(tmp_path / "asyncapi.json"))}
    assert "channels/dossier.events/bindings/kafka/partitions" in places
