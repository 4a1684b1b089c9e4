"""What a child found out about its exhibit, kept for the next child of it; the trusted side never reads it."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from moisson.engine.messages import Notes

_LARGEST = 256 << 20
_MOST_KEYS, _LONGEST_KEY = 16, 1024


class Notebook:
    """Notes by exhibit: files in a folder that may be emptied at any time, keys of volumes in memory alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys: dict[str, tuple[str, ...]] = {}
        self._pieces: dict[str, bytearray] = {}

    def take(self, exhibit: str, notes: Notes) -> None:
        """Keep what a child of this exhibit tells, within bounds."""
        if notes.exhibit != exhibit:
            return
        new = [key for key in notes.keys if len(key) <= _LONGEST_KEY and key not in self.keys.get(exhibit, ())]
        if new:
            self.keys[exhibit] = (*self.keys.get(exhibit, ()), *new)[:_MOST_KEYS]
        if not notes.data:
            return
        held = self._pieces.setdefault(exhibit, bytearray())
        held += notes.data[: max(0, _LARGEST + 1 - len(held))]
        if notes.last:
            del self._pieces[exhibit]
            if len(held) <= _LARGEST:
                self._write(exhibit, held)

    def _write(self, exhibit: str, data: bytearray) -> None:
        """Derived and only a help: a case that cannot be written to does without."""
        path = self._path(exhibit)
        fresh = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            fresh.write_bytes(data)
            fresh.chmod(0o600)
            fresh.replace(path)

    def open(self, exhibit: str) -> int | None:
        """A descriptor of the notes about an exhibit, if there are any, for a child that begins anew."""
        self._pieces.pop(exhibit, None)
        try:
            return os.open(self._path(exhibit), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None

    def _path(self, exhibit: str) -> Path:
        return self.folder / f"notes-{sha256(exhibit.encode()).hexdigest()[:32]}"
