"""The parts of a message (RFC 2045, 2046), found by their boundaries without copying what nobody asks for."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_uu
from dataclasses import dataclass, field
from quopri import decodestring
from typing import TYPE_CHECKING

from moisson.extract.headers import clean, parameters, unfold, words

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 50
MAX_PARTS = 10_000
_END = re.compile(rb"\r?\n\r?\n|\r\r(?!\n)|\Z")
_LINE_REST = re.compile(rb"[ \t]*(?:\r\n|\n|\r|\Z)")
_FIELD = re.compile(rb"^([!-9;-~]{1,100})[ \t]*:((?:[^\r\n]|\r?\n[ \t]|\r[ \t])*)", re.MULTILINE)
_MAX_HEADER = 1 << 20
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_UU = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
_SUFFIX = {
    "text/plain": ".txt",
    "text/html": ".html",
    "message/rfc822": ".eml",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
    "text/calendar": ".ics",
    "application/ms-tnef": ".dat",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
}


@dataclass(slots=True)
class Part:
    """One part: where its body lies in `data`, its fields as written, and the parts below it."""

    data: bytes
    start: int
    end: int
    path: str = "1"
    fields: list[tuple[str, bytes]] = field(default_factory=list)
    kind: str = "text/plain"
    params: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def get(self, name: str) -> str:
        """The first field of that name (lower case), unfolded, encoded words left; empty if absent."""
        return next((unfold(raw) for key, raw in self.fields if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every field of that name."""
        return [unfold(raw) for key, raw in self.fields if key == name]

    @property
    def disposition(self) -> str:
        """Attachment, inline, or empty."""
        return parameters(self.get("content-disposition"))[0]

    @property
    def filename(self) -> str:
        """The name the sender gave the part, or empty."""
        given = parameters(self.get("content-disposition"))[1]
        name = given.get("filename") or self.params.get("name") or given.get("name") or ""
        return clean(words(name))

    @property
    def label(self) -> str:
        """A name for people, made up where the sender gave none."""
        return self.filename or f"part-{self.path}{_SUFFIX.get(self.kind, '')}"

    def content(self) -> bytes:
        """The body with its transfer encoding undone, as far as it goes."""
        raw = self.data[self.start : self.end]
        how = self.get("content-transfer-encoding").partition(";")[0].strip().lower()
        if how == "base64":
            return unbase64(raw)
        if how in ("quoted-printable", "quoted-printables"):
            return decodestring(raw)
        if how in ("x-uuencode", "uuencode", "x-uue", "uue"):
            return next((data for _, data, _, _ in uuencoded(raw)), raw)
        return raw


def unbase64(raw: bytes) -> bytes:
    """Base64 as senders write it: foreign characters skipped, missing padding forgiven, several runs joined."""
    out = []
    for run in raw.split(b"="):
        letters = _NOT_BASE64.sub(b"", run)
        letters = letters[:-1] if len(letters) % 4 == 1 else letters
        try:
            out.append(a2b_base64(letters + b"=" * (-len(letters) % 4)))
        except Base64Error:
            continue
    return b"".join(out)


def uuencoded(raw: bytes) -> Iterator[tuple[str, bytes, int, int]]:
    """The uuencoded files in a text: name, bytes, and where they begin and end."""
    at = 0
    while match := _UU.search(raw, at):
        out, line_start = [], match.end()
        at = match.end()
        while line_start < len(raw):
            line_end = raw.find(b"\n", line_start)
            line_end = len(raw) if line_end < 0 else line_end
            line = raw[line_start:line_end].rstrip(b"\r")
            line_start = line_end + 1
            if line.strip() in (b"end", b"`", b""):
                at = line_start
                if line.strip() == b"end":
                    break
                continue
            if (data := _uu_line(line)) is None:
                break
            out.append(data)
            at = line_start
        if out:
            yield match[1].decode("utf-8", "replace").strip(), b"".join(out), match.start(), min(at, len(raw))


def _uu_line(line: bytes) -> bytes | None:
    try:
        return a2b_uu(line)
    except Base64Error:
        length = ((line[0] - 32) & 63) * 4 // 3 + 4
        try:
            return a2b_uu(line[:length])
        except Base64Error:
            return None


def parse(data: bytes, start: int = 0, end: int | None = None) -> Part:
    """Read the tree of parts of one message; never raises, for broken mail is ordinary mail."""
    budget = [MAX_PARTS]
    return _part(data, start, len(data) if end is None else end, "", 0, budget, "text/plain")


def _part(data: bytes, start: int, end: int, path: str, depth: int, budget: list[int], kind: str) -> Part:
    budget[0] -= 1
    part = Part(data, start, end, path or "1", kind=kind)
    _read_fields(part)
    if value := part.get("content-type"):
        main, part.params = parameters(value)
        part.kind = main if "/" in main else {"text": "text/plain"}.get(main, "text/plain")
    if part.kind.startswith("multipart/") and depth < MAX_DEPTH and (boundary := part.params.get("boundary")):
        inner = "message/rfc822" if part.kind == "multipart/digest" else "text/plain"
        ranges = _ranges(part, boundary.rstrip().encode("utf-8", "surrogateescape"))
        for number, (low, high) in enumerate(ranges, 1):
            if budget[0] <= 0:
                break
            below = f"{path}.{number}" if path else str(number)
            part.parts.append(_part(data, low, high, below, depth + 1, budget, inner))
    return part


def _read_fields(part: Part) -> None:
    data, start, end = part.data, part.start, part.end
    if data.startswith((b"\r\n", b"\n"), start):
        part.start = min(end, start + (2 if data[start : start + 2] == b"\r\n" else 1))
        return
    stop = _END.search(data, start, min(end, start + _MAX_HEADER))
    head_end = stop.start() if stop else end
    at = start
    if data.startswith((b"From ", b">From "), at):
        at = data.find(b"\n", at, head_end) + 1 or head_end
    first = at
    while at < head_end:
        if match := _FIELD.match(data, at, head_end):
            part.fields.append((match[1].decode("ascii").lower(), match[2]))
            at = match.end()
            at += 2 if data[at : at + 2] == b"\r\n" else 1
            continue
        line = data.find(b"\n", at, head_end) + 1 or head_end
        if not _skippable(data[at:line], part.fields):
            part.start = at if part.fields or at == first else first
            return
        at = line
    part.start = min(end, stop.end() if stop else end)


def _skippable(line: bytes, fields: list[tuple[str, bytes]]) -> bool:
    """A line that is no field: junk among the fields is passed over, a line of text ends them."""
    return b":" in line[:80] or (not line.strip()) or (bool(fields) and line[:1] in b" \t")


def _ranges(part: Part, boundary: bytes) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    low = -1
    for at, after, last in _marks(part.data, part.start, part.end, b"--" + boundary):
        if low >= 0:
            found.append((low, _before_break(part.data, at, low)))
        if last:
            return found
        low = after
    if low >= 0:
        found.append((low, part.end))
    return found


def _marks(data: bytes, start: int, end: int, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """The boundary lines: where each begins, where the next line begins, and whether it is the closing one."""
    at = data.find(mark, start, end)
    while at >= 0:
        rest = at + len(mark)
        last = data.startswith(b"--", rest)
        tail = _LINE_REST.match(data, rest + 2 * last, end)
        if tail and (at == 0 or data[at - 1] in b"\r\n"):
            yield at, tail.end(), last
            rest = max(rest, tail.end() - 1)
        at = data.find(mark, rest, end)


def _before_break(data: bytes, at: int, low: int) -> int:
    for ending in (b"\r\n", b"\n", b"\r"):
        if data.endswith(ending, low, at):
            return at - len(ending)
    return max(low, at)
