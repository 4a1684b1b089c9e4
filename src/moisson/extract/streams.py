"""Fields of films and voices that are neither ISO base media nor music: Matroska, RIFF, AMR."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.extract.exif import characters, clean
from moisson.extract.movie import names
from moisson.times import from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

_PARENTS = {0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0x1254C367, 0x7373, 0x67C8, 0x1941A469, 0x61A7}
_TRACK_TYPE = 0x83
_SINCE_2001 = 978_307_200
_ELEMENTS, _CHUNKS, _FRAMES = 20_000, 5000, 5_000_000
_TEXT = 1 << 16
_NARROW = (12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, 0, 0, 0, 0)
_WIDE = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 5, 0, 0, 0, 0, 0)


def matroska(data: Reader) -> Iterator[tuple[str, str]]:
    """The fields of a Matroska or WebM file (RFC 9559)."""
    scale, ticks, width = 1_000_000, 0.0, ""
    for code, at, size in _elements(data):
        if code == _TRACK_TYPE and data.pread(at, 1) == b"\x02":
            yield "sound", "yes"
        name = names("ebml").get(f"{code:x}", "")
        if not name or size > _TEXT:
            continue
        raw = data.pread(at, size)
        if name == "scale":
            scale = int.from_bytes(raw, "big") or scale
        elif name == "duration":
            ticks = float(struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]) if len(raw) in (4, 8) else 0.0
        elif name == "date":
            moment = from_unix(int.from_bytes(raw, "big", signed=True) // 1_000_000_000 + _SINCE_2001)
            if size == 8 and moment:
                yield "created", str(moment)
        elif name == "width":
            width = str(int.from_bytes(raw, "big"))
        elif name == "height" and width:
            yield "size", f"{width}x{int.from_bytes(raw, 'big')}"
        elif name not in ("height", "tag") and (text := clean(characters(raw))):
            yield ("software" if name in ("muxer", "writer") else "comment" if name == "value" else name), text
    if 0 < ticks < 1e18:
        yield "duration", f"{ticks * scale / 1e9:.2f}"


def _elements(data: Reader) -> Iterator[tuple[int, int, int]]:
    """The elements of EBML, those of the parents that matter opened: identifier, place, size."""
    at = 0
    for _ in range(_ELEMENTS):
        head = data.pread(at, 16)
        if len(head) < 2 or not head[0]:
            return
        width = 9 - head[0].bit_length()
        code = int.from_bytes(head[:width], "big")
        if width > 4 or width >= len(head) or not head[width]:
            return
        wide = 9 - head[width].bit_length()
        size = int.from_bytes(head[width : width + wide], "big") & ((1 << 7 * wide) - 1)
        start = at + width + wide
        unknown = size == (1 << 7 * wide) - 1
        yield code, start, size
        at = start if code in _PARENTS else start + size
        if unknown and code not in _PARENTS:
            return


def riff(data: Reader) -> Iterator[tuple[str, str]]:
    """Texts and times of RIFF files: lists of information, AVI's header, the broadcast extension of WAVE."""
    at, opened = 12, 0
    for _ in range(_CHUNKS):
        head = data.pread(at, 12)
        if len(head) < 8:
            return
        code, size = head[:4].decode("latin-1"), int.from_bytes(head[4:8], "little")
        if code == "LIST" and head[8:12] in (b"INFO", b"hdrl", b"ncdt", b"strl") and opened < 100:
            opened += 1
            at += 12
            continue
        if code in names("info"):
            if text := clean(characters(data.pread(at + 8, min(size, _TEXT)))):
                yield names("info")[code], text
        elif code == "avih" and len(raw := data.pread(at + 8, 56)) >= 40:
            period, frames = struct.unpack_from("<I", raw)[0], struct.unpack_from("<I", raw, 16)[0]
            yield "duration", f"{period * frames / 1e6:.2f}"
            yield "size", "{}x{}".format(*struct.unpack_from("<II", raw, 32))
        elif code == "bext" and len(raw := data.pread(at + 8, 338)) >= 338:
            for name, a, b in (("description", 0, 256), ("artist", 256, 288), ("date", 320, 338)):
                if text := clean(characters(raw[a:b].split(b"\0")[0])):
                    yield name, text
        at += 8 + size + (size & 1)


def voice(data: Reader) -> Iterator[tuple[str, str]]:
    """How long an AMR recording lasts: frames of 20 ms (RFC 4867 section 5)."""
    wide = data.head(9) == b"#!AMR-WB\n"
    sizes, at, frames = (_WIDE, 9, 0) if wide else (_NARROW, 6, 0)
    for block_at in range(0, min(data.size, 64 << 20), 1 << 20):
        block = data.pread(block_at, 1 << 20)
        while at - block_at < len(block) and frames < _FRAMES:
            at += 1 + sizes[block[at - block_at] >> 3 & 15]
            frames += 1
    yield "duration", f"{frames * 0.02:.2f}"
