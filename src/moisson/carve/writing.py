"""Text: runs that begin with a sector and end before zeros; RTF, cards and property lists by their ends."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from moisson.carve.ground import SECTOR, Carved, Span
from moisson.identify import texts

if TYPE_CHECKING:
    from moisson.reader import Reader

_LARGEST = 256 << 20
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_STARTS = re.compile(
    rb"\xef\xbb\xbf|<\?xml |<!DOCTYPE |<!doctype |<html|\{\\rtf|BEGIN:VC|Received: |Return-Path: |From \S+@"
    rb"|MIME-Version: |Delivered-To: |#!/|%PDF-|%!PS"
)
_CLOSED = re.compile(rb"(?:[>}\]\n]|END:VCARD|END:VCALENDAR)[ \r\n\t]*$")
_LATIN = b"\t\n\r" + bytes(range(0x20, 0x7F))
_ARABIC = _LATIN + bytes((*range(0xC1, 0xD7), *range(0xD8, 0xDC), *range(0xDD, 0xE0), 0xE1, *range(0xE3, 0xE7)))
_ARABIC += b"\xec\xed\xa1\xba\xbf"
_CYRILLIC = _LATIN + bytes(range(0xC0, 0x100)) + b"\xa8\xb8"
_TRAILER = re.compile(rb"\0\0\0\0\0[\0\1][\1-\x08][\1\2\4\x08]\0{4}.{4}\0{4}.{4}\0{4}.{4}", re.DOTALL)
_PIECE, _PLIST, _TRAILERS = 1 << 16, 16 << 20, 2000
_OTHERS = (b"%PDF-", b"GIF8", b"RIFF", b"{\\rtf1")
_LEAST, _LEAST_EIGHT, _LEAST_PIECE, _HEAD = 16, 48, 512, 1 << 14


def carve_text(data: Reader, offset: int, limit: int) -> Carved | None:
    """A text in any character set: from the beginning of a sector to the zeros that fill its last one."""
    span = Span(data, offset, min(limit, offset + _LARGEST))
    head = span.pread(0, SECTOR)
    wide = _wide(head)
    end = _wide_end(span, wide) if wide else 0 if head.startswith(_OTHERS) else _run(span)
    if end < (2 * _LEAST if wide else _LEAST):
        return None
    stop = -(-(offset + end) // SECTOR) * SECTOR - offset
    closed = span.blank(end, min(stop, span.size))
    if not closed and end < _LEAST_PIECE:
        return None
    sample = span.pread(0, min(end, _HEAD))
    if not wide and not _wordy(sample):
        return None
    read = texts.decode_text(sample, cut=end > len(sample))
    if read is None:
        return None
    mime, _ = texts.text_kind(read.text, "", cut=end > len(sample))
    if closed:
        return span.carved(mime, end, 0.9)
    end = _closing(span, end, mime)
    return span.carved(mime, end, 0.5, "fragment") if end >= _LEAST_PIECE else None


def _run(span: Span) -> int:
    """Where bytes that stand in texts end; before a sector that begins a text of its own, when this one is closed."""
    at, size = 0, 1 << 12
    while at < span.size:
        piece, size = span.pread(at, size), 1 << 16
        m = _stray(piece)
        stop = m.start() if m else len(piece)
        first = -(span.offset + at) % SECTOR
        for inside in range(first or (0 if at else SECTOR), stop, SECTOR):
            if _STARTS.match(piece, inside) and _CLOSED.search(span.pread(max(0, at + inside - 64), 64)):
                return at + inside
        if m or not piece:
            return at + stop
        at += len(piece)
    return span.size


def _stray(piece: bytes) -> re.Match[bytes] | None:
    """The first byte that is no text: a zero, or a control character that does not stand alone."""
    at = 0
    while m := _CONTROL.search(piece, at):
        if (
            m[0] == b"\0"
            or m.start() < 32
            or len(piece) - m.end() < 32
            or _CONTROL.search(piece, m.end(), m.end() + 32)
        ):
            return m
        at = m.end()
    return None


def _wordy(sample: bytes) -> bool:
    """Whether bytes that are no UTF-8 are text of a character set all the same."""
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(sample) - 3 and error.start > 16:
            sample = sample[: error.start]
        else:
            return _eight_bit(sample)
    return len(set(sample)) > 8 and (len(sample) < 48 or not sample.isalnum() or len(sample) > 200)


def _eight_bit(sample: bytes) -> bool:
    spaces = sample.count(b" ") + sample.count(b"\n")
    if spaces * 40 < len(sample) or len(sample) < _LEAST_EIGHT:
        return False
    sets = ((_LATIN, 0.25), (_ARABIC, 0.05), (_CYRILLIC, 0.05))
    return any(len(sample.translate(None, letters)) <= share * len(sample) for letters, share in sets)


def _wide(head: bytes) -> str:
    """The UTF-16 that a sector begins with, or ""."""
    for bom, charset in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(bom) and head[2:4] not in (b"\0\0", b"\xff\xff", b""):
            return charset
    for low, high, charset in ((head[:64:2], head[1:64:2], "utf-16-le"), (head[1:64:2], head[:64:2], "utf-16-be")):
        if len(low) == 32 and high.count(0) >= 30 and not _CONTROL.search(low) and low.isascii():
            return charset
    return ""


def _wide_end(span: Span, charset: str) -> int:
    """Where UTF-16 text ends: at a zero, a control character or an unassigned one."""
    at = 0
    while at < span.size:
        piece = span.pread(at, 1 << 15)
        text = piece[: len(piece) & ~1].decode(charset, "replace")
        m = re.search(r"[\x00-\x08\x0e-\x1f\x7f\ufffd\ufffe\uffff]", text)
        if m:
            return at + len(text[: m.start()].encode(charset))
        if len(piece) < 1 << 15:
            return at + len(piece) // 2 * 2
        at += len(text.encode(charset))
    return at


def _closing(span: Span, end: int, mime: str) -> int:
    """The end of the last element, for marked-up text that runs into other bytes."""
    if mime not in ("text/html", "application/xml", "application/xhtml+xml"):
        return end
    start = max(0, end - 4096)
    tail = span.pread(start, end - start)
    at = tail.rfind(b">")
    return start + at + 1 if at >= 0 else end


def carve_rtf(data: Reader, offset: int, limit: int) -> Carved | None:
    """Rich text to the brace that closes it (Rich Text Format 1.9.1)."""
    span = Span(data, offset, min(limit, offset + _LARGEST))
    depth, at = 0, 0
    pattern = re.compile(rb"\\bin\d{1,9}|\\[^\0]|[{}]|[\x01-\x08\x0e-\x1f]|\0")
    while at < span.size:
        piece = span.pread(at, 1 << 16)
        last = at + len(piece) >= span.size
        jump = 0
        for m in pattern.finditer(piece, 0, len(piece) if last else max(1, len(piece) - 16)):
            token = m[0]
            if token == b"{":
                depth += 1
            elif token == b"}":
                depth -= 1
                if not depth:
                    return span.carved("application/rtf", _rtf_end(span, at + m.end()), 0.95)
            elif token.startswith(b"\\bin") and len(token) > 4:
                jump = m.end() + 1 + int(token[4:])
                break
            elif token[0] < 32:
                end = at + m.start()
                return span.carved("application/rtf", end, 0.4, "truncated") if end > 256 else None
        at += jump or (len(piece) if last else max(1, len(piece) - 16))
    return None


def _rtf_end(span: Span, end: int) -> int:
    """Behind the line break that some writers add."""
    after = span.pread(end, 8)
    kept = len(after) - len(after.lstrip(b"\r\n"))
    return end + kept


def carve_card(data: Reader, offset: int, limit: int) -> Carved | None:
    """Cards or calendars one after the other, wherever they begin (RFC 6350, RFC 5545)."""
    span = Span(data, offset, min(limit, offset + _LARGEST))
    head = span.pread(0, 16).upper()
    mark, kind = (b"VCARD", "text/vcard") if head.startswith(b"BEGIN:VCARD") else (b"VCALENDAR", "text/calendar")
    if not head.startswith(b"BEGIN:" + mark):
        return None
    end, at = 0, 0
    stop = _run(span)
    while span.pread(at, 6 + len(mark)).upper() == b"BEGIN:" + mark:
        after = span.find(b"END:" + mark, at, stop)
        if after < 0:
            break
        at = end = after + 4 + len(mark)
        blank = span.pread(end, 8)
        at = end = end + len(blank) - len(blank.lstrip(b"\r\n"))
    return span.carved(kind, end, 0.95) if end else None


def carve_plist(data: Reader, offset: int, limit: int) -> Carved | None:
    """A binary property list by the trailer whose table ends where the trailer begins (CFBinaryPList)."""
    span = Span(data, offset, min(limit, offset + _PLIST))
    at = 8
    while at < span.size and span.ground.afford(_PIECE):
        piece = span.pread(at, _PIECE + 31)
        inside = 0
        for _ in range(_TRAILERS):
            if not (m := _TRAILER.search(piece, inside)):
                break
            count, top, table = struct.unpack_from(">QQQ", m[0], 8)
            if 0 < count < 1 << 24 and top < count and table > 8 and table + count * m[0][6] == at + m.start():
                return span.carved("application/x-plist-binary", at + m.end(), 0.95)
            inside = m.start() + 1
        at += _PIECE
    return None
