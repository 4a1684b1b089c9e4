"""Notes of camera makers in EXIF: serial numbers and owners, as far as they stand there unencrypted."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from moisson.errors import DamagedError
from moisson.extract.tiff import Tiff
from moisson.reader import Reader, Window

if TYPE_CHECKING:
    from moisson.extract.tiff import Entry

_NOTE = 0x927C
_LONGEST = 256
_WORDS = re.compile(r"[ -~\x80-\U0010ffff]{3,}")


@cache
def _makers() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads((resources.files(__package__) / "exif.toml").read_text("utf-8"))["maker"]
    return rows


def read_note(tiff: Tiff, photo: dict[int, Entry], make: str) -> dict[str, str | int]:
    """The fields of `exif.toml` that the note of the camera's maker has; a damaged note has none."""
    if _NOTE not in photo:
        return {}
    note = photo[_NOTE]
    head = tiff.raw(note, 32)
    for maker in _makers():
        begins = bytes.fromhex(maker.get("begins", ""))
        if head.startswith(begins) if begins else make.casefold().startswith(maker["name"].casefold()):
            try:
                return _fields(*_directory(tiff, note, head, maker), maker["fields"])
            except DamagedError:
                return {}
    return {}


def _directory(tiff: Tiff, note: Entry, head: bytes, maker: dict[str, Any]) -> tuple[Tiff, dict[int, Entry]]:
    at, inside = int(maker["at"]), tiff
    own = Reader(Window(tiff.data.medium, note.at, tiff.data.size - note.at))
    if maker["base"] == "tiff":
        at += note.at
    elif maker["base"] == "header":
        inside = Tiff(Reader(Window(own.medium, at, own.size - at)))
        at = inside.first
    else:
        order = maker.get("order") or ("<" if b"II" in head[:12] else ">")
        inside = Tiff.bare(own, order)
    found = inside.directory(at)[0]
    if "inner" in maker:
        found = inside.directory(inside.number(found, int(maker["inner"], 16)))[0]
    return inside, found


def _fields(tiff: Tiff, directory: dict[int, Entry], wanted: dict[str, str]) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for tag, key in wanted.items():
        if not (entry := directory.get(int(tag, 16))):
            continue
        if entry.type in (3, 4):
            value = f"{tiff.number(directory, entry.tag):010d}" if tiff.number(directory, entry.tag) else ""
        else:
            raw = tiff.raw(entry, _LONGEST).split(b"\0")[0].decode("utf-8", "replace").strip()
            value = raw.removeprefix("NO=").strip() if _WORDS.fullmatch(raw) else ""
        if value:
            found.setdefault(key, value)
    return found
