"""Outlook's property bags, the same in .msg files and .pst folders ([MS-OXPROPS], [MS-OXCMSG], [MS-OXRTFCP])."""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, EvidenceError
from moisson.extract.charset import codec
from moisson.extract.encoding import to_text
from moisson.times import Instant, from_filetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNICODE, STRING8, BINARY, TIME, OBJECT = 0x1F, 0x1E, 0x102, 0x40, 0x0D
_RTF_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_FIELD = re.compile(r"^([!-9;-~]{1,80}):((?:[^\r\n]|\r?\n[ \t])*)", re.MULTILINE)
_NOT_KEPT = ("content-", "mime-version", "bcc")
MAX_DEPTH = 8
MAX_ATTACHED = 64 << 20


@dataclass(slots=True)
class Bag:
    """Properties by tag: (type, raw bytes)."""

    values: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    encoding: str = ""

    def text(self, *tags: int) -> str:
        """The first of these properties that is a text and not empty."""
        for tag in tags:
            kind, raw = self.values.get(tag, (0, b""))
            if kind == UNICODE:
                found = raw.decode("utf-16-le", "replace")
            elif kind == STRING8:
                found = to_text(raw, self.encoding)
            else:
                continue
            if found := found.strip("\0"):
                return found
        return ""

    def number(self, tag: int) -> int:
        """A property as an unsigned number; 0 if absent."""
        return int.from_bytes(self.values.get(tag, (0, b""))[1][:4], "little")

    def raw(self, tag: int) -> bytes:
        """A property as it is stored."""
        return self.values.get(tag, (0, b""))[1]

    def time(self, *tags: int) -> Instant | None:
        """The first of these properties that is a moment."""
        for tag in tags:
            kind, raw = self.values.get(tag, (0, b""))
            if kind == TIME and len(raw) >= 8 and (when := from_filetime(int.from_bytes(raw[:8], "little"))):
                return when
        return None

    def settle(self) -> Bag:
        """Find out the code page of the 8-bit texts from the properties themselves."""
        page = self.number(0x3FFD) or self.number(0x3FDE)
        name = {65001: "utf-8", 20127: "", 28591: "cp1252"}.get(page, f"cp{page}" if page else "")
        self.encoding = codec(name) or ""
        return self


@dataclass(slots=True)
class Attached:
    """One attachment: its bytes on demand, or the message it is; `apart` if too large for a rendering."""

    name: str
    kind: str
    read: Callable[[], bytes]
    size: int = 0
    apart: bool = False
    item: Callable[[], MapiItem] | None = None


@dataclass(slots=True)
class MapiItem:
    """A message, contact or appointment with its recipients and attachments."""

    bag: Bag
    recipients: list[Bag] = field(default_factory=list)
    attachments: list[Attached] = field(default_factory=list)
    folder: str = ""

    @property
    def sort(self) -> str:
        """The message class, lower case."""
        return self.bag.text(0x001A).lower() or "ipm.note"


def compose(item: MapiItem, *, attach: bool = True, depth: int = 0) -> bytes:
    """The item as a message of RFC 5322, the same bytes each time."""
    bodies = list(_bodies(item.bag))
    parts = [_entity(kind, raw) for kind, raw in bodies]
    if len(parts) > 1:
        parts = [_multipart("alternative", parts, f"a{depth}")]
    if attach:
        parts += [part for a in item.attachments if (part := _attachment(a, depth))]
    body = parts[0] if len(parts) == 1 else _multipart("mixed", parts or [_entity("text/plain", b"")], f"m{depth}")
    head = "".join(f"{key}: {_one_line(value)}\r\n" for key, value in _fields(item))
    return head.encode("utf-8", "replace") + body


def _one_line(value: str) -> str:
    return " ".join(value.replace("\0", "").split())


def _entity(kind: str, raw: bytes, name: str = "", shown: bool = True) -> bytes:
    label = "" if shown else f'Content-Disposition: attachment; filename="{_quoted(name)}"\r\n'
    head = f"Content-Type: {kind}\r\n{label}Content-Transfer-Encoding: base64\r\n\r\n"
    return head.encode("utf-8", "replace") + base64.encodebytes(raw).replace(b"\n", b"\r\n")


def _multipart(sort: str, parts: list[bytes], mark: str) -> bytes:
    boundary = f"=_{mark}_=".encode()
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (sort.encode(), boundary)
    return head + b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def _attachment(attached: Attached, depth: int) -> bytes | None:
    if attached.apart:
        return None
    try:
        if attached.item and depth < MAX_DEPTH:
            return _entity("message/rfc822", compose(attached.item(), depth=depth + 1), attached.name, shown=False)
        kind = attached.kind if re.fullmatch(r"[\w.+-]+/[\w.+-]+", attached.kind) else "application/octet-stream"
        kind = "application/octet-stream" if kind.startswith(("multipart/", "message/")) else kind
        return _entity(kind, attached.read(), attached.name, shown=False)
    except EvidenceError:
        return _entity("application/octet-stream", b"", attached.name, shown=False)


def _quoted(name: str) -> str:
    return _one_line(name).replace("\\", "\\\\").replace('"', '\\"')


def _mailbox(name: str, address: str) -> str:
    name = _quoted(name.strip().strip("'"))
    if not address:
        return f'"{name}"' if name else ""
    return f'"{name}" <{address}>' if name and name != address else f"<{address}>"


def smtp(bag: Bag, *tags: int) -> str:
    """The first property with an Internet address in it, else the first at all (an Exchange name)."""
    values = [value for tag in tags if (value := bag.text(tag).strip())]
    return next((v for v in values if "@" in v), values[0] if values else "")


def _fields(item: MapiItem) -> Iterator[tuple[str, str]]:
    bag = item.bag
    given = [(k, v) for k, v in _FIELD.findall(bag.text(0x007D)[:1_000_000]) if not k.lower().startswith(_NOT_KEPT)]
    yield from given
    known = {key.lower() for key, _ in given}
    own = dict(_own_fields(item))
    for key, value in own.items():
        if value and key.lower() not in known:
            yield key, value


def _own_fields(item: MapiItem) -> Iterator[tuple[str, str]]:
    bag = item.bag
    sender = smtp(bag, 0x5D02, 0x5D01, 0x0065, 0x0C1F)
    yield "From", _mailbox(bag.text(0x0042, 0x0C1A), sender)
    for number, label, tag in ((1, "To", 0x0E04), (2, "Cc", 0x0E03), (3, "Bcc", 0x0E02)):
        people = [r for r in item.recipients if (r.number(0x0C15) & 0xF or 1) == number]
        listed = ", ".join(_mailbox(r.text(0x3001), smtp(r, 0x39FE, 0x3003, 0x403E)) for r in people)
        yield label, listed or ", ".join(_mailbox(n, "") for n in bag.text(tag).split(";") if n.strip())
    yield "Subject", subject(bag)
    if when := bag.time(0x0060 if item.sort.startswith("ipm.appointment") else 0x0039, 0x0039, 0x0E06, 0x3007):
        yield "Date", _rfc_date(when)
    yield "Message-ID", bag.text(0x1035)
    yield "In-Reply-To", bag.text(0x1042)
    yield "X-Folder", item.folder


def _rfc_date(when: Instant) -> str:
    from datetime import UTC, datetime

    return format_datetime(datetime.fromtimestamp(when.ns // 1_000_000_000, UTC))


def subject(bag: Bag) -> str:
    """The subject without Outlook's two-character prefix mark."""
    text = bag.text(0x0037, 0x0070, 0x0E1D)
    return text[2:] if text[:1] == "\x01" else text


def _bodies(bag: Bag) -> Iterator[tuple[str, bytes]]:
    plain, html = bag.text(0x1000), bag.raw(0x1013)
    page: str | None
    if html and bag.values[0x1013][0] == UNICODE:
        html, page = html.decode("utf-16-le", "replace").encode(), "utf-8"
    else:
        page = codec(f"cp{bag.number(0x3FDE)}") if bag.number(0x3FDE) not in (0, 65001) else "utf-8"
    if not plain.strip() and not html and (rtf := bag.raw(0x1009)):
        plain = rtf_text(rtf)
    if plain or not html:
        yield "text/plain; charset=utf-8", plain.encode("utf-8", "replace")
    if html:
        yield f"text/html; charset={page or 'utf-8'}", html


def rtf_text(packed: bytes) -> str:
    """The text of a compressed RTF body; empty if it is damaged."""
    from striprtf.striprtf import rtf_to_text

    try:
        rtf = unpack_rtf(packed).decode("latin-1")
        text = rtf_to_text(rtf, errors="replace")  # type: ignore[no-untyped-call]
        return str(text).strip("\0\n") + "\n"
    except (DamagedError, ValueError, LookupError, IndexError, KeyError, TypeError, RecursionError):
        return ""


def unpack_rtf(packed: bytes) -> bytes:
    """Undo LZFu ([MS-OXRTFCP])."""
    if len(packed) < 16:
        raise DamagedError("compressed RTF without its header")
    _, size, magic, _ = struct.unpack_from("<IIII", packed)
    if magic == 0x414C454D:
        return packed[16 : 16 + size]
    if magic != 0x75465A4C or size > 64 << 20:
        raise DamagedError("no compressed RTF")
    out, start, at = bytearray(_RTF_START), len(_RTF_START), 16
    while at < len(packed) and len(out) - start < size:
        control = packed[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                out += packed[at : at + 1]
                at += 1
                continue
            if at + 2 > len(packed):
                return bytes(out[start:])
            word = packed[at] << 8 | packed[at + 1]
            at += 2
            if not _copy(out, word >> 4, (word & 15) + 2):
                return bytes(out[start:])
    return bytes(out[start : start + size])


def _copy(out: bytearray, offset: int, length: int) -> bool:
    """Copy from the 4096-byte ring; False at the end mark."""
    here = len(out) & 0xFFF
    if offset == here:
        return False
    source = len(out) - ((here - offset) & 0xFFF)
    if source < 0:
        return False
    for i in range(length):
        out.append(out[source + i])
    return True
