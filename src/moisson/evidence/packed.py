"""The streams that NTFS keeps packed, unpacked by libfsntfs, or by The Sleuth Kit where that library refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyfsntfs  # type: ignore[import-not-found]

from moisson.errors import DamagedError, UnsupportedError
from moisson.evidence import mft
from moisson.evidence.sleuth import Attribute, open_fs, sentence
from moisson.reader import Reader

if TYPE_CHECKING:
    from moisson.reader import Medium


class _Stream:
    """A stream of libfsntfs as a medium."""

    def __init__(self, source: Any, size: int) -> None:
        self.source = source
        self.size = self.present = size

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        try:
            data: bytes = self.source.read_buffer_at_offset(n, offset)
            while len(data) < n and (more := self.source.read_buffer_at_offset(n - len(data), offset + len(data))):
                data += more
        except OSError as error:
            raise DamagedError(f"ntfs: {sentence(error)}") from error
        if len(data) < n:
            raise DamagedError(f"ntfs: {n - len(data)} bytes of a compressed stream are missing")
        return data


class Library:
    """Both libraries, each opened when it is first needed."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self._volume: Any = None
        self._file = Reader(medium).file()

    def stream(self, number: int, attribute: mft.Attribute, size: int) -> Medium:
        """The content of a stream, unpacked; raises `DamagedError` or `UnsupportedError`."""
        try:
            if self._volume is None:
                volume = pyfsntfs.volume()
                volume.open_file_object(self._file)
                self._volume = volume
            entry = self._volume.get_file_entry(number)
            found = entry.get_alternate_data_stream_by_name(attribute.name) if attribute.name else entry
            if found is not None and int(found.size) >= size:
                stream = _Stream(found, size)
                stream.pread(0, 1)
                return stream
        except (OSError, DamagedError):
            pass
        return self._other(number, attribute, size)

    def _other(self, number: int, attribute: mft.Attribute, size: int) -> Medium:
        if not attribute.flags & mft.COMPRESSED:
            raise UnsupportedError(f"ntfs: record {number} has a packed stream that no reader here unpacks")
        try:
            file = open_fs("ntfs", self.medium).open_meta(number)
            for found in file:
                if (int(found.info.type), int(found.info.id)) == (attribute.type, attribute.id):
                    return Attribute(file, found, size, self.medium.size)
        except OSError as error:
            raise DamagedError(f"ntfs: {sentence(error)}") from error
        raise DamagedError(f"ntfs: record {number} has no such stream")
