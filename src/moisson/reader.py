"""Bytes that can be read but not written: a whole medium, or one item of it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from moisson.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moisson.address import Layer
    from moisson.times import Instant

CHUNK = 1 << 20


@runtime_checkable
class Medium(Protocol):
    """Bytes at offsets: no seek state, so that many readers may share one.

    `size` is what the medium declares, `present` how much of it is really there; what lies between reads as zeros, and
    so does nothing else. `pread` returns fewer than `n` bytes only at `size`. Raises `EvidenceError`.
    """

    size: int
    present: int

    def pread(self, offset: int, n: int) -> bytes: ...


class Memory:
    """A medium that is a few bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = self.present = len(data)

    def pread(self, offset: int, n: int) -> bytes:
        return self.data[offset : offset + n]


class Window:
    """A range of another medium."""

    def __init__(self, medium: Medium, offset: int, size: int) -> None:
        self.medium, self.offset = medium, offset
        self.size = max(0, size)
        self.present = max(0, min(self.size, medium.present - offset))

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0:
            return b""
        data = self.medium.pread(self.offset + offset, n)
        return data + bytes(n - len(data))


class _File(io.RawIOBase):
    """A medium as a seekable file, for libraries that want one."""

    def __init__(self, medium: Medium) -> None:
        self._medium, self._at = medium, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = (0, self._at, self._medium.size)[whence]
        if base + offset < 0:
            raise OSError("negative seek")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._medium.pread(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class Reader:
    """The bytes of one item, of a known size."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium

    @classmethod
    def of(cls, data: bytes) -> Reader:
        """A reader of bytes in memory."""
        return cls(Memory(data))

    @property
    def size(self) -> int:
        return self.medium.size

    def pread(self, offset: int, n: int) -> bytes:
        """Up to `n` bytes at `offset`."""
        return self.medium.pread(offset, n)

    def head(self, n: int = 4096) -> bytes:
        """The first bytes."""
        return self.medium.pread(0, n)

    def whole(self, limit: int = 256 << 20) -> bytes:
        """Everything at once; raises `LimitError` when that is more than `limit`."""
        if self.size > limit:
            raise LimitError(f"{self.size} bytes, more than {limit} at once")
        if isinstance(self.medium, Memory):
            return self.medium.data
        return b"".join(self.chunks())

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Everything in order, piece by piece."""
        at = 0
        while at < self.size and (data := self.medium.pread(at, size)):
            yield data
            at += len(data)

    def file(self) -> io.BufferedReader:
        """A seekable binary file over the same bytes, with its own position."""
        return io.BufferedReader(_File(self.medium), 1 << 16)


@dataclass(slots=True)
class Child:
    """An item inside another: `layer` leads to it from its parent, `open` gives its bytes when somebody wants them.

    A reader of containers must give the same layers in the same order each time, for that is how an address is resolved
    again. `role` is embedded, attachment, member, message or thumbnail. `open` raises `PasswordError`, `DamagedError`,
    `LimitError` or `UnsupportedError`.
    """

    name: str
    layer: Layer
    open: Callable[[], Reader]
    size: int | None = None
    role: str = "member"
    kind: str = ""
    modified: Instant | None = None
    flags: tuple[str, ...] = field(default=())
