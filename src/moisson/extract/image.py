"""Pictures: where and when they were taken, with what, and the words in them."""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING

from moisson.address import bytes_at
from moisson.errors import DamagedError
from moisson.extract import picture
from moisson.extract.exif import read_exif
from moisson.extract.xmp import read_iptc, read_xmp
from moisson.identify.containers import media_kind
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader, Window
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Piece = Passage | Fact | Stated | Flag | Event | Child

KINDS = (
    *("image/jpeg", "image/png", "image/gif", "image/tiff", "image/bmp", "image/webp", "image/heic", "image/heif"),
    *("image/heic-sequence", "image/heif-sequence", "image/avif", "image/bpg", "image/x-canon-cr2"),
)
HASH_PIXELS = 1_500_000
_HASHED = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
_READABLE = (300, 150)
_REPEATED = 16


@step(
    "extract.image",
    version=1,
    kinds=KINDS,
    limits=Limits(seconds=10, per_mb=1, memory_mb=512, children=16),
    reference="CIPA DC-008, TIFF 6.0, ITU-T T.81, W3C PNG, ISO/IEC 23008-12, ISO 16684-1, IPTC IIM 4.2",
)
def read_image(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The metadata of a picture; its pixels are looked at only for the hash of small ones."""
    try:
        found = _parser(data.head(32))(data)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise DamagedError(f"picture: {error}") from error
    if found.damage:
        yield Flag("damaged", found.damage)
    if found.width and found.height:
        yield Fact("image.size", f"{found.width}x{found.height}")
    words = False
    for piece in _metadata(found):
        words = words or isinstance(piece, Passage)
        yield piece
    if found.tail:
        yield _appended(data, found.tail)
    small, pixels = min(found.width, found.height), found.width * found.height
    if small >= _READABLE[1] and max(found.width, found.height) >= _READABLE[0]:
        yield Flag("needs-ocr", f"{found.width}x{found.height}")
    if 0 < pixels <= HASH_PIXELS and (hashed := dhash(data)):
        yield Fact("image.dhash", hashed)


def _parser(head: bytes) -> Callable[[Reader], picture.Picture]:
    """The reader of the segments, chunks or boxes of this format."""
    marks: tuple[tuple[bytes, Callable[[Reader], picture.Picture]], ...] = (
        (b"\xff\xd8", picture.jpeg),
        (b"\x89PNG", picture.png),
        (b"GIF8", picture.gif),
        (b"BM", picture.bmp),
        (b"BPG\xfb", picture.bpg),
        (b"II", picture.tiff),
        (b"MM", picture.tiff),
    )
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return picture.webp
    if media_kind(head).startswith("image/"):
        return picture.heif
    for mark, parser in marks:
        if head.startswith(mark):
            return parser
    raise DamagedError("no picture of a known format")


def _metadata(found: picture.Picture) -> Iterator[Piece]:
    """All blocks of metadata, each for itself: a damaged one hides no other."""
    for block in found.exif[:_REPEATED]:
        try:
            yield from read_exif(block)
        except (struct.error, IndexError, ValueError, OverflowError) as error:
            yield Flag("damaged", f"EXIF: {error}")
    for packet in found.xmp[:_REPEATED]:
        yield from read_xmp(packet)
    for raw in found.iptc[:_REPEATED]:
        yield from read_iptc(raw)
    for place, text in found.texts[:1000]:
        if text:
            yield Passage(f"{text}\n", place)


def _appended(data: Reader, at: int) -> Child:
    """What somebody or some telephone wrote after the picture: the film of a moving photograph, an archive."""
    rest = Reader(Window(data.medium, at, data.size - at))
    return Child("appended", bytes_at(at, rest.size), lambda: rest, rest.size, "embedded")


def dhash(data: Reader, pixels: int = HASH_PIXELS) -> str:
    """Sixteen digits that stay nearly the same when a picture is resized or packed again; "" if that is too dear.

    Each bit says whether one of 9 by 8 grey fields is darker than its right neighbour.
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(data.file(), formats=_HASHED) as opened:
                if opened.width * opened.height > pixels:
                    return ""
                opened.draft("L", (72, 64))
                fields = opened.convert("L").resize((9, 8), Image.Resampling.BOX).tobytes()
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, struct.error):
            return ""
        except (Image.DecompressionBombError, IndexError, TypeError, OverflowError, MemoryError):
            return ""
    bits = 0
    for row in range(8):
        for column in range(8):
            at = row * 9 + column
            bits = bits << 1 | (fields[at] < fields[at + 1])
    return f"{bits:016x}"
