"""The attachments inside Outlook's winmail.dat ([MS-OXTNEF])."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from moisson.address import Layer
from moisson.errors import DamagedError
from moisson.extract.encoding import to_text
from moisson.extract.mapi import STRING8, UNICODE, rtf_text
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIGNATURE = b"\x78\x9f\x3e\x22"
_TITLE, _DATA, _RENDER, _ATTACHMENT, _MAPI, _SUBJECT = 0x8010, 0x800F, 0x9002, 0x9005, 0x9003, 0x8004
_SIZES = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_STRINGS = (UNICODE, STRING8, 0x102, 0x0D)


@step("extract.tnef", version=1, kinds=("application/ms-tnef",), names=("winmail.dat",), reference="[MS-OXTNEF]")
def read_tnef(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Flag | Fact | Passage]:
    """The files in a winmail.dat, and the body of the message it belongs to."""
    raw = data.whole()
    if not raw.startswith(_SIGNATURE):
        raise DamagedError("no TNEF signature")
    files: list[list[object]] = []
    ended = False
    for level, attribute, content in _attributes(raw):
        ended = level == 0
        if ended:
            break
        if attribute == _RENDER:
            files.append(["", b""])
        elif attribute == _SUBJECT and level == 1:
            yield Fact("mail.subject", to_text(content.rstrip(b"\0")))
        elif attribute == _MAPI and level == 1:
            if body := _body(dict(_properties(content))):
                yield Passage(body)
        elif files and level == 2:
            _add(files[-1], attribute, content)
    for number, (name, held) in enumerate(files, 1):
        layer = Layer("att", str(number))
        if isinstance(held, bytes):
            label = str(name) or f"attachment-{number}"
            yield Child(label, layer, partial(Reader.of, held), len(held), "attachment")
    if ended:
        yield Flag("truncated", "a TNEF attribute runs over the end")


def _attributes(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Level, attribute and content; level 0 where the stream breaks off."""
    at = 6
    while at + 9 <= len(raw):
        level, attribute = raw[at], int.from_bytes(raw[at + 1 : at + 3], "little")
        size = int.from_bytes(raw[at + 5 : at + 9], "little")
        content = raw[at + 9 : at + 9 + size]
        if level not in (1, 2) or len(content) < size:
            yield 0, 0, b""
            return
        yield level, attribute, content
        at += 9 + size + 2


def _add(entry: list[object], attribute: int, content: bytes) -> None:
    if attribute == _TITLE:
        entry[0] = entry[0] or to_text(content.split(b"\0")[0])
    elif attribute == _DATA:
        entry[1] = content
    elif attribute == _ATTACHMENT:
        values = dict(_properties(content))
        if name := values.get(0x3707):
            entry[0] = _string(name)
        if (found := values.get(0x3701)) and not entry[1]:
            entry[1] = found[1][16:] if found[0] == 0x0D else found[1]


def _string(value: tuple[int, bytes]) -> str:
    kind, raw = value
    return (raw.decode("utf-16-le", "replace") if kind == UNICODE else to_text(raw)).rstrip("\0")


def _body(values: dict[int, tuple[int, bytes]]) -> str:
    if plain := values.get(0x1000):
        return _string(plain) + "\n"
    return rtf_text(values[0x1009][1]) if 0x1009 in values else ""


def _properties(raw: bytes) -> Iterator[tuple[int, tuple[int, bytes]]]:
    count, at = int.from_bytes(raw[:4], "little"), 4
    for _ in range(min(count, 10_000)):
        kind, tag = int.from_bytes(raw[at : at + 2], "little"), int.from_bytes(raw[at + 2 : at + 4], "little")
        at += 4
        if tag >= 0x8000:
            at = _skip_name(raw, at)
        base, many = kind & 0xFFF, bool(kind & 0x1000) or (kind & 0xFFF) in _STRINGS
        number = int.from_bytes(raw[at : at + 4], "little") if many else 1
        at += 4 * many
        for _ in range(min(number, 10_000)):
            size = _SIZES.get(base, 0)
            if base in _STRINGS:
                size, at = int.from_bytes(raw[at : at + 4], "little"), at + 4
            if (not size and base not in _STRINGS) or at > len(raw):
                return
            yield tag, (base, raw[at : at + size])
            at += size + -size % 4


def _skip_name(raw: bytes, at: int) -> int:
    by_name = int.from_bytes(raw[at + 16 : at + 20], "little")
    if not by_name:
        return at + 24
    size = int.from_bytes(raw[at + 20 : at + 24], "little")
    return at + 24 + size + -size % 4
