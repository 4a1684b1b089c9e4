"""What a long-lived process no longer needs, given back to the machine."""

from __future__ import annotations

import ctypes
from functools import cache

import pyarrow as pa  # type: ignore[import-untyped]


def give_back() -> None:
    """Return freed memory: that of the tables, and that which the C library keeps for itself where it is glibc."""
    pa.default_memory_pool().release_unused()
    if (libc := _libc()) is not None:
        libc.malloc_trim(0)


@cache
def _libc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
