"""The files of a folder, as the confined child asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.address import decode, encode
from moisson.engine import messages as m
from moisson.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.engine.channel import Channel


class Asked:
    """The files of a folder exhibit, which the trusted side opens one by one."""

    def __init__(self, channel: Channel, exhibit: str) -> None:
        self.channel, self.exhibit = channel, exhibit
        self.skipped: list[tuple[str, str]] = []

    def walk(self) -> Iterator[tuple[str, int, int]]:
        """Every regular file: relative path, size, time of change in ns."""
        while True:
            answer, _ = self.channel.ask(m.encode(m.Ask("walk", self.exhibit)))
            page = m.pages.decode(answer)
            if page == m.Page():
                return
            self.skipped += ((decode(path), why) for path, why in page.skipped)
            for path, size, changed in page.files:
                yield decode(path), size, changed

    def open(self, path: str) -> int:
        """A read-only descriptor of one file."""
        answer, descriptors = self.channel.ask(m.encode(m.Ask("open", self.exhibit, encode(path))))
        if not descriptors:
            raise EvidenceError(answer.decode("utf-8", "replace") or f"cannot open {path}")
        return descriptors[0]
