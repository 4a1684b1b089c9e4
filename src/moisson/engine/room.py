"""Telling a full disk from other faults: it stops the run in one sentence, and the run goes on when there is room."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moisson.errors import CaseError, MoissonError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_WORDS = ("no space left", "disk is full", "disk quota", "file too large", "disk i/o error")
_LEAST = 1 << 20


class FullError(CaseError):
    """There is no room left for the case."""


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Whatever fails in here for want of room, in whichever library, is a `FullError`; all else stays as it is."""
    try:
        yield
    except MoissonError:
        raise
    except Exception as error:
        if not _is_full(error, root):
            raise
        raise FullError(
            f"no room left in {root}: make room and run the same command again; what was finished is kept"
        ) from error


def _is_full(error: Exception, root: Path) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    if any(words in str(error).lower() for words in _WORDS):
        return True
    return shutil.disk_usage(next(p for p in (root, *root.parents) if p.exists())).free < _LEAST
