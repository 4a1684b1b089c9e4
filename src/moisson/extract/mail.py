"""Mail as it travels and as programs keep it: single messages, mailboxes, Apple's .emlx."""

from __future__ import annotations

import plistlib
import re
from functools import partial
from typing import TYPE_CHECKING
from xml.parsers.expat import ExpatError

from moisson.address import bytes_at
from moisson.errors import DamagedError
from moisson.extract import outlook, signed, tnef  # noqa: F401  (their steps are registered with these)
from moisson.extract.encoding import to_text
from moisson.extract.headers import clean
from moisson.extract.letter import pieces
from moisson.extract.message import read_letter
from moisson.extract.mime import parse
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader, Window
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Stated | Flag | Event | Child
_COUNT = re.compile(rb"\s{0,8}(\d{1,12})[ \t]*\r?\n")
_FROM = re.compile(rb"(?:\A|\n)(?:From (?=\S{1,300} .{0,40}\d\d:\d\d|- )[^\n]{0,400}|\x10{4,}[^\n]{0,80})\r?\n")
_BLOCK, _OVERLAP = 4 << 20, 1024
MAX_MESSAGE = 200 << 20


@step(
    "extract.mail",
    version=1,
    kinds=("message/rfc822", "message/x-emlx", "multipart/related"),
    names=("*.eml", "*.emlx"),
    reference="RFC 5322, RFC 2045-2047, RFC 2231",
)
def read_mail(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """One message: header block, body, addresses, and its attachments as children."""
    raw = data.whole(MAX_MESSAGE)
    start, end = 0, len(raw)
    if match := _COUNT.match(raw):
        start, end = match.end(), min(len(raw), match.end() + int(match[1]))
        yield from _apple(raw[end:])
        if end - start < int(match[1]):
            yield Flag("truncated", f"{end - start} of {int(match[1])} bytes are there")
    root = parse(raw, start, end)
    if not root.fields:
        yield Flag("damaged", "no header field of a message")
        yield Passage(to_text(raw[start:end].replace(b"\0", b"")))
        return
    if root.kind.startswith("multipart/") and not root.parts:
        yield Flag("damaged", "no part between the boundaries")
    letter = read_letter(root)
    yield from pieces(letter)
    yield from letter.children
    if root.kind == "multipart/encrypted" or "pkcs7-mime" in root.kind:
        yield Flag("encrypted", root.kind)


@step("extract.mbox", version=1, kinds=("application/mbox",), names=("*.mbox", "*.mbx"), reference="RFC 4155")
def read_mbox(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """A mailbox: each message is a range of it."""
    count = 0
    for offset, end in _messages(data):
        count += 1
        name = _mbox_name(data, offset, end, count)
        opener = partial(_window, data, offset, end - offset)
        yield Child(name, bytes_at(offset, end - offset), opener, end - offset, "message", "message/rfc822")
    if not count:
        raise DamagedError("no message in the mailbox")
    yield Fact("mail.messages", count)


def _window(data: Reader, offset: int, size: int) -> Reader:
    return Reader(Window(data.medium, offset, size))


def _mbox_name(data: Reader, offset: int, end: int, number: int) -> str:
    head = data.pread(offset, min(8192, end - offset))
    match = re.search(rb"^subject:[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", head, re.IGNORECASE | re.MULTILINE)
    subject = clean(to_text(match[1])) if match else ""
    return f"#{number} {subject}".strip()[:200]


def _messages(data: Reader) -> Iterator[tuple[int, int]]:
    begun = -1
    for line_at, body_at in _separators(data):
        if begun >= 0 and line_at > begun:
            yield begun, line_at
        begun = body_at
    if 0 <= begun < data.size:
        yield begun, data.size


def _separators(data: Reader) -> Iterator[tuple[int, int]]:
    """Offsets of the separator lines and of the line after each."""
    at, carry, last = 0, b"", -1
    while at < data.size and (block := data.pread(at, _BLOCK)):
        text, base = carry + block, at - len(carry)
        for match in _FROM.finditer(text):
            if match[0].startswith(b"\n") or base == 0:
                line = base + match.start() + (match[0][:1] == b"\n")
                if line > last:
                    last = line
                    yield line, base + match.end()
        carry, at = text[-_OVERLAP:], at + len(block)


def _apple(tail: bytes) -> Iterator[Piece]:
    try:
        values = plistlib.loads(tail.strip()[: 1 << 20])
    except (plistlib.InvalidFileException, ExpatError, ValueError, KeyError, TypeError, IndexError, AttributeError,
            OverflowError, RecursionError):  # fmt: skip
        return
    if isinstance(values, dict):
        for key, value in list(values.items())[:40]:
            if isinstance(value, (str, int, float)) and re.fullmatch(r"[a-z-]{1,40}", str(key)):
                yield Fact(f"emlx.{key}", value)
