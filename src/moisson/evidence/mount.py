"""Which reader mounts which file system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.errors import UnsupportedError
from moisson.evidence import exfat, ext, ntfs, tsk

if TYPE_CHECKING:
    from moisson.evidence.filesystem import FileSystem
    from moisson.reader import Medium


def mount(kind: str, medium: Medium) -> FileSystem:
    """The file system of a kind that `volume.scan` names; raises `DamagedError` or `UnsupportedError`."""
    if kind == "ntfs":
        return ntfs.Ntfs(medium)
    if kind == "exfat":
        return exfat.Exfat(medium)
    if kind == "ext":
        try:
            return ext.Ext(medium)
        except UnsupportedError:
            return tsk.Tree(kind, medium)
    if kind in tsk.SCHEMES:
        return tsk.Tree(kind, medium)
    raise UnsupportedError(f"no reader for {kind}")
