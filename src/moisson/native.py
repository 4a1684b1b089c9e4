"""The native parts of the raw scan, where they were built; everything in them has an equal in Python."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from array import array

    Bytes = bytes | bytearray | memoryview
    Pairs = list[tuple[int, int]]
    Numbers = tuple[int, ...]
    Blocks = tuple[tuple[array[int], array[int], int], ...]
    State = tuple[int, int, int, Numbers]


class Code(Protocol):
    """What the extension module offers."""

    def look(self, data: Bytes, flags: bool, /) -> tuple[bool, Pairs, Pairs, Pairs, Pairs, Pairs, bytearray]:
        """The gates of a block, as `scan.arrays.look` gives them."""

    def capitals(self, data: Bytes, start: int, stop: int, /) -> tuple[list[int], ...]:
        """The ends of what `scan.anchors.CAPITALS` names, as those anchors give them."""

    def points(self, data: Bytes, start: int, stop: int, /) -> tuple[list[int], ...]:
        """The ends of what `scan.anchors.POINTS` names, as those anchors give them; of an e-mail address the first."""

    def dense(
        self, data: Bytes, start: int, stop: int, words: array[int], signs: array[int] = ..., offset: int = ..., /
    ) -> tuple[list[int], list[int], list[int]]:
        """The ends of runs, of fingerprints and of seed phrases in a range, as the anchors give them.

        With `signs`, of runs those alone that `scan.layers.promising` keeps, in what begins at `offset`.
        """

    def deflated(self, data: Bytes, start: int, /) -> bool:
        """Whether a deflated stream with its header may begin here, as `scan.layers` tells."""

    def line(self, data: Bytes, start: int, stop: int, /) -> str | None:
        """A range of ASCII as `scan.finds.context` shows it; nothing where it is long or more than ASCII."""

    def blocks(self, data: Bytes, start: int, stop: int, /) -> list[tuple[int, int, int, int]]:
        """As `scan.arrays.blocks`."""

    def sets(self, data: Bytes, start: int, stop: int, most: int, /) -> list[int]:
        """As `scan.arrays.sets`."""

    def wide(self, data: Bytes, start: int, stop: int, order: int, /) -> list[tuple[int, int, int]]:
        """As `scan.wide.spans`."""

    def keccak256(self, data: Bytes, /) -> bytes:
        """As `selectors.checks.keccak256`."""

    def entropy(
        self, data: Bytes, blocks: Blocks, most: Numbers, state: State, mcus: int, restart: int, /
    ) -> tuple[int, int, int, int, Numbers]:
        """As `carve.huffman.decode_slowly`; first the byte where it breaks, or -1."""


_INTERFACE = 3


def load(name: str = "moisson._native") -> tuple[Code | None, str]:
    """The extension module, or why Python does its work: it was not built, or from another version's source."""
    try:
        module = import_module(name)
    except ImportError:
        return None, "not built: there was no C compiler"
    if getattr(module, "INTERFACE", 0) != _INTERFACE:
        return None, "built from another version: install moisson again"
    return cast("Code", module), ""


code, lack = load()
