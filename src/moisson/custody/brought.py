"""The text of a list that a user brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 64 << 20
_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_list(path: Path) -> str:
    """UTF-8, or UTF-16 with its mark; raises `UsageError` for anything else, for a guess may be wrong in silence."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path}: larger than any list")
        data = path.read_bytes()
        return data.decode("utf-16" if data[:2] in _MARKS else "utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 from byte {error.start} on; save it as UTF-8 text or CSV") from error
