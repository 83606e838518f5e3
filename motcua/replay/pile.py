"""The lines of a recording, uncompressed: those of some dossiers are taken from there fast."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from motcua.replay.checked_lines import CheckedLines
from motcua.replay.header import Header
from motcua.replay.recording import BROADCAST, Writer
from motcua.replay.shard import is_morning


@dataclass
class Pile:
    """A recording's lines, uncompressed, and where each dossier's lie. Mornings are left out."""

    header: Header
    text: mmap.mmap
    broadcast: array[int] = field(default_factory=lambda: array("Q"))
    dossiers: dict[str, array[int]] = field(default_factory=dict)
    """By code, in the order of their first records."""

    def write(self, path: Path, dossiers: Collection[str]) -> None:
        """Write the recording of these dossiers alone. Nobody has decided their states."""
        chosen = replace(self.header.selection, dossiers=tuple(sorted(dossiers)))
        places = array("Q", self.broadcast)
        for code in dossiers:
            places.extend(self.dossiers[code])
        with Writer(path, replace(self.header, selection=chosen)) as writer:
            for begin in sorted(places):
                writer.copy(self.text[begin : self.text.find(b"\n", begin) + 1])
            writer.end("")


def pile(path: Path, folder: Path) -> Pile:
    """Read a recording onto a pile, which lies in the folder. Raise RecordingError."""
    lines = CheckedLines(path)
    broadcast = array("Q")
    dossiers: dict[str, array[int]] = {}
    at = 0
    with (folder / "pile").open("w+b") as file:
        for seen, text in lines.records():
            subject = seen.subject
            if subject in BROADCAST:
                broadcast.append(at)
            elif not is_morning(subject):
                dossiers.setdefault(subject, array("Q")).append(at)
            else:
                continue
            file.write(text)
            at += len(text)
        file.flush()
        held = mmap.mmap(file.fileno(), at, access=mmap.ACCESS_READ) if at else mmap.mmap(-1, 1)
    return Pile(lines.header, held, broadcast, dossiers)
