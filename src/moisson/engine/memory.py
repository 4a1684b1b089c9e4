"""What a long-lived process no longer needs, given back to the machine."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]

MUCH = 256 << 20


def give_back(above: int = MUCH) -> None:
    """Return freed memory when more than `above` bytes are held; below that it is cheaper to use it again."""
    if resident() <= above:
        return
    pa.default_memory_pool().release_unused()
    if (libc := _libc()) is not None:
        libc.malloc_trim(0)


def resident() -> int:
    """The bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@cache
def _libc() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
