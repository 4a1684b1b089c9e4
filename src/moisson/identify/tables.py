"""The tables of `kinds.toml` and `types.toml`, compiled once."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(r"'([^']*)'|\(([^)]*)\)|\?\?|([0-9a-fA-F]{2})|\s+")


class Signature(NamedTuple):
    """Bytes that a type has at an offset; a negative offset counts from the end."""

    mime: str
    offset: int
    pattern: re.Pattern[bytes]
    length: int


class Type(NamedTuple):
    """What is known of a type."""

    label: str
    extensions: frozenset[str]


def compile_pattern(text: str) -> tuple[bytes, int]:
    """The regular expression for a pattern of `kinds.toml`, and how many bytes it covers."""
    out, length = b"", 0
    at = 0
    while at < len(text):
        if not (m := _TOKEN.match(text, at)):
            raise ValueError(f"no pattern: {text!r}")
        at = m.end()
        token = m[0]
        if token.isspace():
            continue
        if token.startswith("'"):
            out, length = out + re.escape(m[1].encode("latin-1")), length + len(m[1])
        elif token.startswith("("):
            out, length = out + _choice(m[2]), length + _width(m[2])
        elif token == "??":
            out, length = out + b".", length + 1
        else:
            out, length = out + re.escape(bytes.fromhex(token)), length + 1
    return out, length


def _choice(text: str) -> bytes:
    return b"(?:" + b"|".join(compile_pattern(part)[0] for part in text.split("|")) + b")"


def _width(text: str) -> int:
    return min(compile_pattern(part)[1] for part in text.split("|"))


@cache
def tables() -> Mapping[str, Any]:
    """Everything in `kinds.toml`."""
    return tomllib.loads((resources.files(__package__) / "kinds.toml").read_text("utf-8"))


@cache
def types() -> dict[str, Type]:
    """Every known type by its name."""
    rows = tomllib.loads((resources.files(__package__) / "types.toml").read_text("utf-8"))
    return {mime: Type(row[0], frozenset(row[1].split())) for mime, row in rows.items()}


@cache
def by_extension() -> dict[str, tuple[str, ...]]:
    """The types that files of an extension have."""
    found: dict[str, list[str]] = {}
    for mime, kind in types().items():
        for extension in kind.extensions:
            found.setdefault(extension, []).append(mime)
    return {extension: tuple(mimes) for extension, mimes in found.items()}


@cache
def text_patterns(name: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The regular expressions of one table for texts, with their types."""
    return tuple((re.compile(pattern), mime) for mime, pattern in tables()[name])


@cache
def signatures() -> tuple[dict[int, tuple[Signature, ...]], tuple[Signature, ...]]:
    """Those at offset 0 by the byte they begin with, then all others; longer patterns first."""
    every = []
    for mime, offset, text in tables()["signatures"]:
        expression, length = compile_pattern(text)
        every.append(Signature(mime, offset, re.compile(expression, re.DOTALL), length))
    every.sort(key=lambda s: -s.length)
    first: dict[int, list[Signature]] = {byte: [] for byte in range(256)}
    for byte, rows in first.items():
        rows += [s for s in every if s.offset == 0 and _may_begin(s, byte)]
    return {byte: tuple(rows) for byte, rows in first.items()}, tuple(s for s in every if s.offset)


def _may_begin(signature: Signature, byte: int) -> bool:
    """True unless the pattern's first byte excludes this one."""
    text = signature.pattern.pattern
    head = re.match(rb"(?s)\(\?:((?:\\?.\|)*\\?.)\)|(\\?.)", text)
    if not head or head[2] == b".":
        return True
    return bool(re.compile(head[0], re.DOTALL).fullmatch(bytes([byte])))
