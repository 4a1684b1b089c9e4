"""Encrypted volumes: BitLocker through libbde, LUKS by `luks`, with the passwords and recovery keys at hand.

What a key opened is remembered in this process, for a derivation takes from half a second to several. `volume_keys`
gives LUKS volume keys as text that other processes can use in place of the password.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING

import pybde  # type: ignore[import-not-found]

from moisson.errors import DamagedError, PasswordError
from moisson.evidence import luks
from moisson.evidence.protectors import each_recovery
from moisson.evidence.virtual import Foreign
from moisson.reader import Reader, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.reader import Medium

KEPT = 8
_RECOVERY = re.compile(r"\s*(?:\d{6}[-\s]*){7}\d{6}\s*")
_TO_GO = bytes.fromhex("3bd66749292ed84a8399f6a339e3d001")
_luks_keys: OrderedDict[bytes, bytes] = OrderedDict()
_stated: dict[str, None] = {}
_volumes: OrderedDict[tuple[int, int, int, tuple[str, ...]], tuple[Medium, Foreign]] = OrderedDict()


def probe(medium: Medium) -> str:
    """`bitlocker`, `luks1`, `luks2`, or nothing; raises `DamagedError` when a LUKS header is not whole.

    The second header of LUKS outlives a volume of LVM made in its place, and then tells nothing.
    """
    head = medium.pread(0, 512)
    if head[3:11] == b"-FVE-FS-" or (head[3:11] == b"MSWIN4.1" and _TO_GO in (head[424:440], head[160:176])):
        return "bitlocker"
    if not head.startswith(luks.MAGIC) and medium.pread(512, 8) == b"LABELONE":
        return ""
    found = luks.find_header(medium)
    return found.name if found else ""


def open_clear(medium: Medium, sort: str, keys: Sequence[str]) -> Medium:
    """The volume in clear; raises `PasswordError` saying how many keys were tried."""
    return _bitlocker(medium, tuple(keys)) if sort == "bitlocker" else _luks(medium, keys)


def volume_keys(medium: Medium, keys: Sequence[str]) -> tuple[str, ...]:
    """The LUKS volume key that one of the keys opens, as a key in its place; as secret as the password."""
    header = luks.find_header(medium)
    return (luks.volume_key(header, _luks_key(medium, header, keys)),) if header else ()


def opened_keys() -> tuple[str, ...]:
    """The LUKS volume keys that were opened in this process, each as a key in place of the password."""
    return tuple(_stated)


def _luks(medium: Medium, keys: Sequence[str]) -> Medium:
    header = luks.find_header(medium)
    if header is None:
        raise DamagedError("no LUKS header")
    return luks.open_clear(medium, header, _luks_key(medium, header, keys))


def _luks_key(medium: Medium, header: luks.Header, keys: Sequence[str]) -> bytes:
    where = sha256(repr(header).encode("utf-8", "surrogatepass") + repr(tuple(keys)).encode("utf-8")).digest()
    if where not in _luks_keys:
        _luks_keys[where] = luks.unlock(medium, header, keys)
        _stated[luks.volume_key(header, _luks_keys[where])] = None
        if len(_luks_keys) > KEPT:
            _luks_keys.popitem(last=False)
    return _luks_keys[where]


def _bitlocker(medium: Medium, keys: tuple[str, ...]) -> Medium:
    base: Medium = medium
    offset = 0
    while isinstance(base, Window):
        offset += base.offset
        base = base.medium
    where = (id(base), offset, medium.size, keys)
    if where not in _volumes:
        _volumes[where] = (base, _unlock(medium, keys))
        if len(_volumes) > KEPT:
            _volumes.popitem(last=False)
    return _volumes[where][1]


def _unlock(medium: Medium, keys: tuple[str, ...]) -> Foreign:
    for key in ("", *keys):
        try:
            for view in each_recovery(medium) if _RECOVERY.fullmatch(key) else (medium,):
                if found := _try(view, key):
                    return found
        except (OSError, ValueError, OverflowError, MemoryError) as error:
            if not key:
                raise DamagedError(f"BitLocker: {' '.join(str(error).split())[-200:]}") from error
    raise PasswordError(f"bitlocker: {len(keys)} keys tried, none opens it")


def _try(medium: Medium, key: str) -> Foreign | None:
    volume, file = pybde.volume(), Reader(medium).file()
    if _RECOVERY.fullmatch(key):
        digits = re.sub(r"\D", "", key)
        volume.set_recovery_password("-".join(digits[i : i + 6] for i in range(0, 48, 6)))
    elif key:
        volume.set_password(key)
    volume.open_file_object(file)
    if volume.is_locked():
        volume.unlock()
    if volume.is_locked():
        return None
    clear = Foreign(volume, int(volume.get_size()), [file])
    clear.present = min(clear.size, medium.present)
    return clear
