"""Texts in one file: a zstd frame each (RFC 8878), with a dictionary trained on the first of them if short.

A dictionary lies in the same file, its length before it as four little-endian bytes; who reads a frame says at which
offset its dictionary is, or -1 for none. Packs can therefore be joined end to end.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from moisson.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

LEVEL = 3
_DICTIONARY = 32 << 10
_SAMPLES = 1 << 20
_SHORT = 4096
_MANY = 200


class Place(NamedTuple):
    """Where the frame of a text is, and its dictionary."""

    offset: int
    length: int
    dictionary: int


class PackWriter:
    """Writes texts one after the other to a new file."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("xb")
        self._at, self._dictionary = 0, -1
        self._compressor: zstandard.ZstdCompressor | None = None

    def add(self, texts: Sequence[str]) -> list[Place]:
        """Write some texts; the first lot decides on the dictionary of all."""
        raw = [text.encode() for text in texts]
        if self._compressor is None:
            self._compressor = self._prepare(raw)
        places = []
        for data in raw:
            frame = self._compressor.compress(data)
            places.append(Place(self._put(frame), len(frame), self._dictionary))
        return places

    def _prepare(self, raw: list[bytes]) -> zstandard.ZstdCompressor:
        size = sum(map(len, raw))
        if len(raw) < _MANY or size > len(raw) * _SHORT or size < 8 * _DICTIONARY:
            return zstandard.ZstdCompressor(LEVEL)
        every = max(1, size // _SAMPLES)
        try:
            trained = zstandard.train_dictionary(_DICTIONARY, [data for data in raw[::every] if data], k=512, d=8)
        except zstandard.ZstdError:
            return zstandard.ZstdCompressor(LEVEL)
        data = trained.as_bytes()
        self._dictionary = self._put(len(data).to_bytes(4, "little") + data)
        return zstandard.ZstdCompressor(LEVEL, dict_data=trained)

    def _put(self, data: bytes) -> int:
        at = self._at
        self._file.write(data)
        self._at += len(data)
        return at

    def close(self) -> None:
        self._file.close()


class PackReader:
    """Reads texts back from a pack, in any order and from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDONLY)
        self._openers: dict[int, zstandard.ZstdCompressionDict | None] = {-1: None}

    def text(self, place: Place, limit: int | None = None) -> str:
        """A text, or its beginning, up to `limit` bytes of UTF-8; raises `CaseError` where the pack is damaged."""
        frame = os.pread(self._fd, place.length, place.offset)
        opener = zstandard.ZstdDecompressor(dict_data=self._dictionary(place.dictionary))
        try:
            if limit is None:
                return opener.decompress(frame).decode()
            with opener.stream_reader(frame) as stream:
                return stream.read(limit).decode(errors="ignore")
        except (zstandard.ZstdError, UnicodeDecodeError) as error:
            raise CaseError(f"{self._path} is damaged at {place.offset}: {error}") from error

    def _dictionary(self, offset: int) -> zstandard.ZstdCompressionDict | None:
        if offset not in self._openers:
            length = int.from_bytes(os.pread(self._fd, 4, offset), "little")
            self._openers[offset] = zstandard.ZstdCompressionDict(os.pread(self._fd, length, offset + 4))
        return self._openers[offset]

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> PackReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
