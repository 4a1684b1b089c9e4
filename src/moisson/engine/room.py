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
    except FullError:
        raise
    except MoissonError as error:
        if not _says_full(error.__cause__):
            raise
        raise _full(root) from error
    except Exception as error:
        if not _says_full(error) and shutil.disk_usage(_standing(root)).free >= _LEAST:
            raise
        raise _full(root) from error


def _full(root: Path) -> FullError:
    return FullError(f"no room left in {root}: make room and run the same command again; what was finished is kept")


def _says_full(error: BaseException | None) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return error is not None and any(words in str(error).lower() for words in _WORDS)


def _standing(root: Path) -> Path:
    return next(place for place in (root, *root.parents) if place.exists())
