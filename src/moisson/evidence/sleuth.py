"""The Sleuth Kit's handle on a medium of ours, and the attributes of its files as media."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytsk3  # type: ignore[import-untyped]

from moisson.errors import DamagedError, UnsupportedError

if TYPE_CHECKING:
    from moisson.reader import Medium

_TYPES = {
    "fat": pytsk3.TSK_FS_TYPE_FAT_DETECT,
    "exfat": pytsk3.TSK_FS_TYPE_EXFAT,
    "ext": pytsk3.TSK_FS_TYPE_EXT_DETECT,
    "iso9660": pytsk3.TSK_FS_TYPE_ISO9660,
    "hfs": pytsk3.TSK_FS_TYPE_HFS,
    "ntfs": pytsk3.TSK_FS_TYPE_NTFS,
}


class Whole(pytsk3.Img_Info):  # type: ignore[misc]
    """A medium as The Sleuth Kit wants it; what is missing at its end reads as zeros."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def close(self) -> None:
        """Nothing is held."""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes at an offset."""
        return self.medium.pread(offset, size)

    def get_size(self) -> int:
        """The declared size."""
        return self.medium.size


def open_fs(kind: str, medium: Medium) -> Any:
    """The Sleuth Kit's handle; raises `DamagedError` or `UnsupportedError`."""
    try:
        return pytsk3.FS_Info(Whole(medium), offset=0, type=_TYPES[kind])
    except OSError as error:
        known = UnsupportedError if "not supported" in str(error) else DamagedError
        raise known(f"{kind}: {sentence(error)}") from error


def sentence(error: BaseException) -> str:
    """What a library says, in one line."""
    return " ".join(str(error).split())[:300]


class Attribute:
    """One attribute of a file as a medium, read by The Sleuth Kit itself; never larger than the volume."""

    def __init__(self, file: Any, attribute: Any, size: int, most: int) -> None:
        self._file, self._type, self._id = file, attribute.info.type, attribute.info.id
        self.size = self.present = max(0, min(size, most))

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset; raises `DamagedError`."""
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        try:
            data: bytes = self._file.read_random(offset, n, self._type, self._id)
        except OSError as error:
            raise DamagedError(sentence(error)) from error
        return data + bytes(n - len(data))
