"""Sound whose frames are walked one by one: MP3, AMR, Ogg, FLAC's neighbours need no more."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.carve.ground import Span

if TYPE_CHECKING:
    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_FRAMES = 5_000_000
_RATES = (44100, 48000, 32000)
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_NARROW = (12, 13, 15, 17, 19, 20, 26, 31, 5)
_WIDE = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5)


def carve_mp3(data: Reader, offset: int, limit: int) -> Carved | None:
    """MPEG audio: an ID3v2 tag if there is one, frames of one kind, the tags at the end (ISO/IEC 11172-3, ID3v2.4)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 10)
    start = 0
    if head[:3] == b"ID3":
        if len(head) < 10 or head[3] not in (2, 3, 4) or head[5] & 0x0F or max(head[6:]) > 127:
            return None
        start = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]) + (10 if head[5] & 0x10 else 0)
        start = _padding(span, start)
    end, frames = _frames(span, start)
    if frames < (3 if start else 12):
        return None
    end = min(end, span.size)
    if span.pread(end, 8) == b"APETAGEX":
        end += 32 + max(0, span.number(end + 12, 4)) if span.number(end + 12, 4) < 1 << 24 else 0
    if span.pread(end, 3) == b"TAG":
        end += 128
    return span.carved("audio/mpeg", end, 0.9) if end <= span.size else None


def _padding(span: Span, start: int) -> int:
    """Some writers pad after the tag without saying so."""
    piece = span.pread(start, 4096)
    return start + len(piece) - len(piece.lstrip(b"\0")) if piece[:1] == b"\0" and piece.strip(b"\0") else start


def _frames(span: Span, at: int) -> tuple[int, int]:
    """Where the frames end, and how many there are."""
    count, kind = 0, -1
    while count < _FRAMES:
        head = span.pread(at, 4)
        length = _length(head) if len(head) == 4 else 0
        if not length or (kind >= 0 and head[1] & 0xFE != kind) or at + length > span.size:
            break
        kind = head[1] & 0xFE
        at, count = at + length, count + 1
    return at, count


def _length(head: bytes) -> int:
    """The length of a frame by its header, 0 when it is none."""
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, place = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or not 0 < place < 15:
        return 0
    first = version == 3
    bits = _BITRATES[(1 if first else 2, layer)][place - 1] * 1000
    hertz = _RATES[rate] >> (0 if first else 1 if version == 2 else 2)
    pad = head[2] >> 1 & 1
    if layer == 1:
        return (12 * bits // hertz + pad) * 4
    return (72 if layer == 3 and not first else 144) * bits // hertz + pad


def carve_amr(data: Reader, offset: int, limit: int) -> Carved | None:
    """Speech in AMR frames (RFC 4867)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 9)
    wide = head == b"#!AMR-WB\n"
    at = 9 if wide else 6
    if not wide and head[:6] != b"#!AMR\n":
        return None
    sizes, frames = _WIDE if wide else _NARROW, 0
    while frames < _FRAMES and (mark := span.number(at, 1)) > 0:
        kind = mark >> 3 & 15
        body = sizes[kind] if kind < len(sizes) else 0 if kind in (14, 15) else -1
        if mark & 0x83 or not mark & 4 or body < 0 or at + 1 + body > span.size:
            break
        at, frames = at + 1 + body, frames + 1
    return span.carved("audio/amr-wb" if wide else "audio/amr", at, 0.9) if frames >= 3 else None


def carve_ogg(data: Reader, offset: int, limit: int) -> Carved | None:
    """Ogg pages with their numbers in order until each stream has ended (RFC 3533)."""
    span = Span(data, offset, limit)
    at, count = 0, 0
    open_streams: dict[int, int] = {}
    begun, kind = False, "audio/ogg"
    while count < _FRAMES:
        head = span.pread(at, 27)
        if len(head) < 27 or head[:5] != b"OggS\0" or head[5] > 7:
            break
        serial, number = struct.unpack_from("<II", head, 14)
        table = span.pread(at + 27, head[26])
        end = at + 27 + len(table) + sum(table)
        if end > span.size or (head[5] & 2 and serial in open_streams) or (head[5] & 2 and begun and not open_streams):
            break
        if not head[5] & 2 and serial not in open_streams:
            break
        if not head[5] & 2 and number <= open_streams[serial]:
            break
        if head[5] & 2 and any(mark in span.pread(at + 27, 64) for mark in (b"\x80theora", b"\x01video")):
            kind = "video/ogg"
        open_streams[serial] = number
        begun, at, count = True, end, count + 1
        if head[5] & 4:
            del open_streams[serial]
    if count < 2:
        return None
    return span.carved(kind, at, 0.95) if not open_streams else span.carved(kind, at, 0.45, "truncated")
