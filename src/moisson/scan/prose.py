"""Layers that hold words to be read, for search in what belongs to no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.scan.layers import Layer

_SAMPLE = 4096
_LEAST = 16
_WIDE, _SHOWN, _SPACED = 0.2, 0.85, 0.02
# Letters among the figures of a heap or of a page of memory.
_MIXED = {"outlook": 0.4, "hiberset": 0.2, "xpress": 0.2, "lznt1": 0.3}


class Opened(Struct, frozen=True):
    """A layer that reads as text: its address and its size."""

    address: str
    size: int


def opened(prefix: str, at: int, group: Iterable[Layer]) -> Iterator[Opened]:
    """Those layers that hold words, in what begins at `at`; a document gives its joined text alone."""
    held = list(group)
    joined = {layer.start for layer in held if layer.scheme.endswith("xmltext")}
    for layer in held:
        if not (layer.scheme == "zip" and layer.start in joined) and reads(
            layer.data, _MIXED.get(layer.scheme, _SHOWN)
        ):
            yield Opened(f"{prefix}/@{at + layer.start}/{layer.scheme}", len(layer.data))


def reads(data: bytes, share: float = _SHOWN) -> bool:
    """Whether so much of the beginning is words: signs that are shown, and blanks between them."""
    sample = data[:_SAMPLE]
    if len(sample) < _LEAST:
        return False
    wide = sample.count(0) > _WIDE * len(sample) and share == _SHOWN
    text = sample.decode("utf-16-le" if wide else "utf-8", "ignore" if wide else "replace")
    shown = sum(c.isprintable() or c in "\t\n\r" for c in text) - text.count("\ufffd")
    blanks = text.count(" ") + text.count("\n") + text.count(" \0")
    return shown >= share * len(text) and blanks >= min(1.0, share / _SHOWN) * _SPACED * len(text)
