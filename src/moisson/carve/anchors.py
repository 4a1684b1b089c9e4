"""The table of `anchors.toml`, compiled once: what to look for, and which carver to call there."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import import_module, resources
from typing import TYPE_CHECKING, NamedTuple

from moisson.identify.tables import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from moisson.carve.ground import Carved
    from moisson.reader import Reader

    Carver = Callable[[Reader, int, int], Carved | None]

_CHOICE = re.compile(r"\(([^)]*)\)")


class Anchor(NamedTuple):
    """Bytes by which a carver knows where to begin: `pattern` of `width` bytes, `at` bytes behind the file's first."""

    carver: str
    at: int
    align: int
    pattern: bytes
    width: int
    literals: tuple[bytes, ...]

    @property
    def call(self) -> Carver:
        """The carver itself."""
        return carver(self.carver)


@cache
def _table() -> dict[str, object]:
    source = resources.files("moisson.carve").joinpath("anchors.toml")
    return tomllib.loads(source.read_text("utf-8"))


@cache
def anchors() -> tuple[Anchor, ...]:
    """All rows, the order of the file being their precedence."""
    rows = []
    for name, at, align, text in _table()["anchors"]:  # type: ignore[attr-defined]
        pattern, width = compile_pattern(text)
        rows.append(Anchor(name, at, align, pattern, width, _literals(text)))
    return tuple(rows)


@cache
def carver(name: str) -> Carver:
    """The function that `module:function` names in this room."""
    module, _, function = name.partition(":")
    found: Carver = getattr(import_module(f"moisson.carve.{module}"), function)
    return found


def text_carver() -> Carver:
    """The carver that is tried at sectors which begin like text."""
    return carver(str(_table()["text"]))


def _literals(text: str) -> tuple[bytes, ...]:
    """What to search for with plain means: the beginning of a pattern up to its first gap, once for each choice."""
    begun = _CHOICE.split(text.split("??", maxsplit=1)[0], maxsplit=1)
    first = _literal(begun[0])
    if len(first) >= 3 or len(begun) < 2:
        return (first,)
    return tuple(first + _literal(choice) for choice in begun[1].split("|"))


def _literal(text: str) -> bytes:
    pattern, width = compile_pattern(text)
    literal = re.sub(rb"\\(.)", rb"\1", pattern, flags=re.DOTALL)
    assert len(literal) == width
    return literal
