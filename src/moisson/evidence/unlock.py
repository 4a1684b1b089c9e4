"""Encrypted volumes: BitLocker and LUKS, opened with the passwords and recovery keys at hand."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pybde  # type: ignore[import-not-found]

from moisson.errors import DamagedError, PasswordError
from moisson.evidence import luks
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.reader import Medium

_RECOVERY = re.compile(r"\d{6}(?:-\d{6}){7}")
_TO_GO = bytes.fromhex("3bd66749292ed84a8399f6a339e3d001")


class Clear:
    """The decrypted volume of BitLocker; libbde wants one reader at a time, and here there is one."""

    def __init__(self, medium: Medium, volume: pybde.volume) -> None:
        self.medium, self.volume = medium, volume
        self.size = int(volume.get_size())
        self.present = min(self.size, medium.present)

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes in clear; raises `DamagedError`."""
        n = min(n, self.size - offset)
        if n <= 0:
            return b""
        try:
            data: bytes = self.volume.read_buffer_at_offset(n, offset)
        except OSError as error:
            raise DamagedError(f"BitLocker: {' '.join(str(error).split())[:200]}") from error
        return data + bytes(n - len(data))


def probe(medium: Medium) -> str:
    """`bitlocker`, `luks1`, `luks2`, or nothing."""
    head = medium.pread(0, 512)
    if head[3:11] == b"-FVE-FS-" or (head[3:11] == b"MSWIN4.1" and _TO_GO in (head[424:440], head[160:176])):
        return "bitlocker"
    found = luks.find_header(medium)
    return found.name if found else ""


def open_clear(medium: Medium, sort: str, keys: Sequence[str]) -> Medium:
    """The volume in clear; raises `PasswordError` saying how many keys were tried."""
    return _bitlocker(medium, keys) if sort == "bitlocker" else _luks(medium, tuple(keys))


def _luks(medium: Medium, keys: tuple[str, ...]) -> Medium:
    header = luks.find_header(medium)
    if header is None:
        raise DamagedError("no LUKS header")
    key = _luks_key(medium, keys)  # type: ignore[arg-type]  # media hash by identity
    return luks.open_clear(medium, header, key)


@lru_cache(maxsize=8)
def _luks_key(medium: Any, keys: tuple[str, ...]) -> bytes:
    header = luks.find_header(medium)
    if header is None:
        raise DamagedError("no LUKS header")
    return luks.unlock(medium, header, keys)


def _bitlocker(medium: Medium, keys: Sequence[str]) -> Medium:
    for key in ("", *keys):
        volume = pybde.volume()
        try:
            if key:
                (volume.set_recovery_password if _RECOVERY.fullmatch(key) else volume.set_password)(key)
            volume.open_file_object(Reader(medium).file())
            if not volume.is_locked():
                return Clear(medium, volume)
            if key and volume.unlock():
                return Clear(medium, volume)
        except (OSError, ValueError) as error:
            if not key:
                raise DamagedError(f"BitLocker: {' '.join(str(error).split())[:200]}") from error
    raise PasswordError(f"bitlocker: {len(keys)} keys tried, none opens it")
