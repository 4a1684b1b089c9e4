"""Where something is: an exhibit and a chain of layers, printable, parseable, resolvable again.

    E17/p2/ntfs:4711-128-4/zip:word%2Fdocument.xml/t:1012+28
    E17/@53277184/gzip/@120+31

The first part is the exhibit. Each further part is a layer: a scheme, and for most a locator after a colon. Two
schemes are written without a colon because people read them all day: `p2` is the second partition, `@120+31` a range
of bytes (offset, and a length when it is known), `pieces:120+31,900+8` several of them, joined; `joined:4712-128-1`
are the parts of a split archive that follow the file before it. `t:1012+28` counts characters in the text of the item
before it, `m:exif.gps` names a field of its metadata. Whatever could confuse the grammar is percent-encoded, bytes
that are no UTF-8 included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_to_bytes

from moisson.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAFE = " !$&'()*,;=:@._-~"
_PART = re.compile(
    r"(?:p(?P<partition>\d+)|@(?P<range>\d+(?:\+\d+)?)|(?P<scheme>[a-z][a-z0-9]*)(?::(?P<locator>.*))?)", re.DOTALL
)
_EXHIBIT = re.compile(r"[^/\s]+")
_SPAN = re.compile(r"(\d+)(?:\+(\d+))?")


def encode(text: str) -> str:
    """Write any name so that it can stand as a locator.

    Undecodable bytes are expected as `surrogateescape` left them, unpaired surrogates of a UTF-16 name as they are.
    """
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogatepass")
    return quote_from_bytes(raw, _SAFE)


def decode(locator: str) -> str:
    """Return the name that `encode` was given, or one that `encode` writes the same way."""
    raw = unquote_to_bytes(locator)
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Layer:
    """One step inward: `scheme` says how to go, `locator` where to (as written, percent-encoded)."""

    scheme: str
    locator: str = ""

    def __str__(self) -> str:
        if self.scheme == "p":
            return f"p{self.locator}"
        if self.scheme == "@":
            return f"@{self.locator}"
        return f"{self.scheme}:{self.locator}" if self.locator else self.scheme

    @property
    def name(self) -> str:
        """The locator with its percent-encoding undone."""
        return decode(self.locator)

    @property
    def span(self) -> tuple[int, int | None]:
        """Offset and length of a `@` or `t` layer; length is None when it runs to the end."""
        if not (m := _SPAN.fullmatch(self.locator)):
            raise AddressError(f"no range in layer {self}")
        return int(m[1]), int(m[2]) if m[2] else None

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Offset and length of each piece of a `pieces` layer."""
        found = tuple(_SPAN.fullmatch(part) for part in self.locator.split(","))
        if not all(m and m[2] for m in found):
            raise AddressError(f"no ranges in layer {self}")
        return tuple((int(m[1]), int(m[2])) for m in found if m)


@dataclass(frozen=True, slots=True)
class Address:
    """An exhibit and the layers that lead from its first byte to the thing."""

    exhibit: str
    layers: tuple[Layer, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read the printed form; raises `AddressError` for anything that `str` would not have written."""
        exhibit, *parts = text.split("/")
        if not _EXHIBIT.fullmatch(exhibit):
            raise AddressError(f"no exhibit in address {text!r}")
        return cls(exhibit, tuple(parse_layer(part) for part in parts))

    def __str__(self) -> str:
        return "/".join((self.exhibit, *map(str, self.layers)))

    @property
    def parent(self) -> Address | None:
        """The address one layer outward, or None for the exhibit itself."""
        return Address(self.exhibit, self.layers[:-1]) if self.layers else None

    def child(self, *layers: Layer) -> Address:
        """The address these layers further in."""
        return Address(self.exhibit, self.layers + layers)

    def holds(self, other: Address) -> bool:
        """True if `other` is this place or lies inside it."""
        return self.exhibit == other.exhibit and other.layers[: len(self.layers)] == self.layers


def parse_layer(part: str) -> Layer:
    """Read one printed layer."""
    if not (m := _PART.fullmatch(part)):
        raise AddressError(f"no layer: {part!r}")
    if m["partition"] is not None:
        return Layer("p", m["partition"])
    if m["range"] is not None:
        return Layer("@", m["range"])
    if m["locator"] == "":
        raise AddressError(f"empty locator: {part!r}")
    return Layer(m["scheme"], m["locator"] or "")


def named(scheme: str, name: str) -> Layer:
    """A layer whose locator is a free name: a path, a member, a field."""
    return Layer(scheme, encode(name))


def bytes_at(offset: int, length: int | None = None) -> Layer:
    """A range of bytes of what comes before."""
    return Layer("@", f"{offset}" if length is None else f"{offset}+{length}")


def pieces_at(ranges: Iterable[tuple[int, int]]) -> Layer:
    """Several ranges of bytes of what comes before, joined in this order."""
    return Layer("pieces", ",".join(f"{offset}+{length}" for offset, length in ranges))


def text_at(offset: int, length: int) -> Layer:
    """A range of characters of the text of what comes before."""
    return Layer("t", f"{offset}+{length}")
