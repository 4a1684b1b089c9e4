"""Sound and film: when and where they were recorded, how long they last, their titles and covers."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from moisson.address import named
from moisson.errors import DamagedError
from moisson.extract import movie, streams
from moisson.extract.exif import clean, instant
from moisson.identify.containers import media_kind
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader, Window
from moisson.registry import Limits, step
from moisson.times import from_iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.model import Value
    from moisson.times import Instant

    Piece = Passage | Fact | Stated | Flag | Event | Child

KINDS = (
    *("video/mp4", "video/quicktime", "video/3gpp", "video/3gpp2", "video/x-m4v", "video/mj2", "audio/mp4"),
    *("video/x-matroska", "video/webm", "audio/x-matroska", "video/x-msvideo", "audio/amr", "audio/amr-wb"),
    *("audio/mpeg", "audio/flac", "audio/ogg", "video/ogg", "audio/x-wav", "audio/x-aiff", "audio/x-ms-wma"),
    *("video/x-ms-asf", "audio/aac"),
)
_LARGEST_COVER = 32 << 20
_FIELDS = 500
_UNTOLD = frozenset(
    ("filename", "filesize", "images", "is_lossless", "mime_type", "itunsmpb", "itunnorm", "encoding_params", "tcmp")
)


@step(
    "extract.media",
    version=1,
    kinds=KINDS,
    limits=Limits(seconds=20, per_mb=0.5, memory_mb=512, children=16),
    reference="ISO/IEC 14496-12, QuickTime File Format, 3GPP TS 26.244, RFC 9559, RFC 4867, ID3v2, Vorbis comment",
)
def read_media(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The metadata of a recording; a film that was made with a place gives it as coordinates."""
    head = data.head(64)
    try:
        found = list(_fields(data, head))[:_FIELDS]
    except (struct.error, IndexError, ValueError, OverflowError, UnicodeError) as error:
        raise DamagedError(f"recording: {error}") from error
    if not found:
        raise DamagedError("no fields of a recording")
    values: dict[str, str] = {}
    for name, value in found:
        values.setdefault(name, value)
    yield from _pieces(list(dict.fromkeys(found)))
    yield from _recorded(values)
    if media_kind(head) and (cover := movie.cover(data)) and cover.size <= _LARGEST_COVER:
        yield _cover(Reader(Window(data.medium, cover.at, cover.size)))
    elif picture := _tag_picture(data, head):
        yield _cover(Reader.of(picture))


def _fields(data: Reader, head: bytes) -> Iterator[tuple[str, str]]:
    if media_kind(head):
        yield from movie.fields(data)
    elif head.startswith(b"\x1aE\xdf\xa3"):
        yield from streams.matroska(data)
    elif head.startswith(b"#!AMR"):
        yield "sound", "yes"
        yield from streams.voice(data)
    else:
        if head[:4] in (b"RIFF", b"RIFX", b"RF64"):
            yield from streams.riff(data)
        if head[8:12] != b"AVI ":
            yield from _tags(data)


def _tags(data: Reader) -> Iterator[tuple[str, str]]:
    """What tinytag reads: ID3, Vorbis comments, ASF, AIFF, WAVE."""
    tag = _tinytag(data, pictures=False)
    if tag is None:
        return
    yield "sound", "yes"
    for name, value in sorted(tag.items()):
        for one in value if isinstance(value, list) else [value]:
            if name in _UNTOLD or one in (None, ""):
                continue
            key = re.sub(r"\W+", "_", name)
            if isinstance(one, float):
                yield key, f"{one:.2f}"
            elif isinstance(one, int | str) and (text := clean(str(one))):
                yield key, text


def _tinytag(data: Reader, *, pictures: bool) -> dict[str, object] | None:
    from tinytag import TinyTag, TinyTagException

    try:
        tag = TinyTag.get(file_obj=data.file(), image=pictures)
        if not pictures:
            return dict(tag.as_dict())
        image = tag.images.any
        return {"picture": image.data} if image else None
    except (TinyTagException, OSError, struct.error, IndexError, KeyError, TypeError) as error:
        raise DamagedError(f"tags: {error}") from error
    except (ValueError, OverflowError, AttributeError, MemoryError, RecursionError) as error:
        raise DamagedError(f"tags: {error}") from error


def _tag_picture(data: Reader, head: bytes) -> bytes:
    """The cover in the tags of a piece of music."""
    if not head.startswith((b"ID3", b"fLaC", b"OggS")):
        return b""
    found = (_tinytag(data, pictures=True) or {}).get("picture", b"")
    return found if isinstance(found, bytes) and len(found) <= _LARGEST_COVER else b""


def _pieces(found: list[tuple[str, str]]) -> Iterator[Piece]:
    words = frozenset(movie.words())
    music = any(name == "album" for name, _ in found)
    for name, value in found:
        if name in _UNTOLD:
            continue
        if name in words and not value.isdigit():
            yield Passage(f"{value}\n", f"media.{name}")
        elif name == "sound":
            yield Flag("needs-transcript")
        elif name == "location":
            yield from _place(value)
        else:
            yield Fact(f"media.{name}", value)
        if name in ("artist", "author", "performer") and not music:
            yield Stated("name", value, "author", f"media.{name}")
        elif name in ("owner", "account"):
            yield Stated("email" if "@" in value else "name", value, "owner", f"media.{name}")


def _place(value: str) -> Iterator[Piece]:
    yield Fact("media.location", value)
    if position := movie.degrees(value):
        yield Fact("media.gps", position)
        yield Stated("coords", position, "location", "media.gps")


def _recorded(values: dict[str, str]) -> Iterator[Event]:
    when: Instant | None = None
    for name in ("taken", "created", "date"):
        text = values.get(name, "")
        when = when or (from_iso(text) if len(text) > 10 else None) or (instant(text) if len(text) > 7 else None)
    if when is None:
        return
    meta: dict[str, Value] = {key: values[key] for key in ("make", "model", "software", "duration") if key in values}
    if position := movie.degrees(values.get("location", "")):
        meta["gps"] = position
    yield Event("", "", "recording", when, meta=meta)


def _cover(data: Reader) -> Child:
    return Child("cover", named("media", "cover"), lambda: data, data.size, "thumbnail")
