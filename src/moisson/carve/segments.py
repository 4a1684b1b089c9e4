"""The segments and scans of a JPEG, and whether a decoder gets through them (ITU-T T.81)."""

from __future__ import annotations

import re
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

if TYPE_CHECKING:
    from moisson.carve.ground import Span
    from moisson.reader import Medium

_SEGMENTS = 5000
_SCANS = 500
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_TABLES = frozenset((0xC4, 0xDB, 0xDC, 0xDD, 0xCC, 0xFE, *range(0xE0, 0xF0)))
_PIXELS = 120_000_000
_DECODED = 64 << 20


class Frame(NamedTuple):
    """What must be known of a picture before its scan can be read."""

    marker: int
    width: int
    height: int
    components: tuple[tuple[int, int, int, int], ...]


class Layout(NamedTuple):
    """How far a candidate holds: `end` of what does, `closed` by its last marker, `scans` where entropy begins."""

    end: int
    closed: bool
    frame: Frame | None
    scans: tuple[int, ...]


def survey(span: Span | Medium) -> Layout:
    """Walk the segments and scans of a candidate as far as its markers make sense."""
    at, frame, scans = 2, None, list[int]()
    for _ in range(_SEGMENTS):
        head = span.pread(at, 4)
        while head[:2] == b"\xff\xff":
            at += 1
            head = span.pread(at, 4)
        if len(head) < 2 or head[0] != 0xFF:
            break
        marker = head[1]
        if marker == 0xD9:
            return Layout(at + 2, bool(scans), frame, tuple(scans))
        length = int.from_bytes(head[2:4], "big")
        if length < 2 or at + 2 + length > span.size:
            break
        if marker in _FRAMES:
            frame = _frame(marker, span.pread(at + 4, length - 2)) if frame is None else None
            if frame is None:
                break
        elif marker == 0xDA:
            if frame is None or len(scans) >= _SCANS or not _starts(span.pread(at + 4, length - 2), frame):
                break
            scans.append(at + 2 + length)
            at = entropy_end(span, at + 2 + length)
            continue
        elif marker not in _TABLES or not _plausible(span, marker, at, length):
            break
        at += 2 + length
    return Layout(at, False, frame, tuple(scans))


def entropy_end(span: Span | Medium, at: int) -> int:
    """Where entropy-coded bytes end: the next marker that is no restart, or the end of what there is."""
    while at < span.size:
        piece = span.pread(at, 1 << 16)
        if m := _MARKER.search(piece):
            return at + m.end() - 2
        if len(piece) < 1 << 16:
            return at + len(piece)
        at += len(piece) - 1
    return span.size


def _frame(marker: int, raw: bytes) -> Frame | None:
    if len(raw) < 9 or raw[0] not in (8, 12) or len(raw) != 6 + 3 * raw[5] or raw[5] not in (1, 3, 4):
        return None
    height, width = int.from_bytes(raw[1:3], "big"), int.from_bytes(raw[3:5], "big")
    parts = tuple((raw[i], raw[i + 1] >> 4, raw[i + 1] & 15, raw[i + 2]) for i in range(6, len(raw), 3))
    good = width and all(1 <= h <= 4 and 1 <= v <= 4 for _, h, v, _ in parts)
    return Frame(marker, width, height, parts) if good else None


def _starts(raw: bytes, frame: Frame) -> bool:
    """Whether a scan header fits its frame."""
    return len(raw) >= 6 and 1 <= raw[0] <= 4 and len(raw) == 4 + 2 * raw[0] and raw[0] <= len(frame.components)


def _plausible(span: Span | Medium, marker: int, at: int, length: int) -> bool:
    """Whether the tables that decoding needs have possible contents."""
    if marker == 0xDB:
        return length >= 67 and span.pread(at + 4, 1)[0] & 0x0F < 4
    if marker == 0xC4:
        raw = span.pread(at + 4, 17)
        return len(raw) == 17 and raw[0] & 0xEF < 4 and sum(raw[1:]) <= min(256, length - 19)
    return marker != 0xDD or length == 4


def decodes(span: Span | Medium, size: int, frame: Frame) -> bool:
    """Whether the picture library gets through it; at an eighth of its size, for only the decoding counts."""
    return _too_big(size, frame) or _open(span, size) is not None


def _too_big(size: int, frame: Frame) -> bool:
    return size > _DECODED or frame.width * frame.height > _PIXELS // (8 if frame.marker == 0xC2 else 1)


def _open(span: Span | Medium, size: int) -> Image.Image | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(span.pread(0, size)), formats=("JPEG", "MPO"))
            image.draft("L", (max(1, image.width // 8), max(1, image.height // 8)))
            image.load()
    except (OSError, ValueError, SyntaxError, TypeError, IndexError, KeyError, OverflowError, MemoryError):
        return None
    except (Image.DecompressionBombError, ZeroDivisionError, AttributeError, RuntimeError):
        return None
    return image


def small(span: Span | Medium, size: int, frame: Frame) -> Image.Image | None:
    """The picture at an eighth of its size, or None when it is too big or does not decode."""
    return None if _too_big(size, frame) else _open(span, size)
