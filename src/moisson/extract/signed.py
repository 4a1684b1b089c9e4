"""Signed and encrypted envelopes of mail and files: CMS (RFC 5652) in DER or BER, what is in them and who signed."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from moisson.address import Layer
from moisson.errors import DamagedError
from moisson.extract.mime import unbase64
from moisson.model import Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Stated | Flag | Child
MAX_ENVELOPE = 200 << 20
_DATA, _SIGNED, _ENVELOPED = "2a864886f70d010701", "2a864886f70d010702", "2a864886f70d010703"
_AUTHENTICATED, _PACKED = "2a864886f70d0109100117", "2a864886f70d0109100109"
_SEQUENCE, _SET, _OCTETS, _OID, _CONTEXT = 0x30, 0x31, 0x04, 0x06, 0xA0
_STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
_NAMES = {"550403": "name", "55040a": "organization", "55040b": "unit", "550406": "country",
          "2a864886f70d010901": "email"}  # fmt: skip
_DEPTH, _NODES = 24, 200_000
_ARMOUR = re.compile(rb"-----BEGIN (?:PKCS7|CMS|SIGNED MESSAGE|PKCS #7 SIGNED DATA)-----(.*?)-----END", re.DOTALL)
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,255}")


class Node(NamedTuple):
    """One element: its tag, and where its content begins and ends."""

    tag: int
    start: int
    end: int


@step(
    "extract.signed",
    version=1,
    kinds=("application/pkcs7-mime", "application/pkcs7-signature", "application/x-pkcs7-signature"),
    names=("*.p7m", "*.p7s", "*.p7b", "*.p7c"),
    reference="RFC 5652, RFC 5280, RFC 8551",
)
def read_signed(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """What was signed, as an item of its own, and the names and addresses in the certificates."""
    raw = data.whole(MAX_ENVELOPE)
    if match := _ARMOUR.search(raw[: 64 << 20]):
        raw = unbase64(match[1])
    elif raw[:1] == b"M" and raw[:4000].isascii():
        raw = unbase64(raw)
    budget = [_NODES]
    outer = _children(raw, Node(0, 0, len(raw)), budget)[:1]
    inner = _children(raw, outer[0], budget) if outer and outer[0].tag == _SEQUENCE else []
    if len(inner) < 2 or inner[0].tag != _OID or inner[1].tag != _CONTEXT:
        raise DamagedError("no envelope of CMS")
    kind = raw[inner[0].start : inner[0].end].hex()
    body = [node for node in _children(raw, inner[1], budget) if node.tag == _SEQUENCE]
    if kind in (_ENVELOPED, _AUTHENTICATED):
        yield Flag("encrypted", "an envelope for the holder of a certificate")
    elif kind != _SIGNED:
        yield Flag("packed" if kind == _PACKED else "unsupported", kind)
    elif body:
        yield from _content(raw, body[0], budget)
    yield from _people(raw, inner[1], budget)


def _content(raw: bytes, signed: Node, budget: list[int]) -> Iterator[Child]:
    """The content that goes along with its signature (5.2)."""
    parts = [node for node in _children(raw, signed, budget) if node.tag == _SEQUENCE][:1]
    for part in _children(raw, parts[0], budget)[1:2] if parts else []:
        content = b"".join(_octets(raw, part, budget, 0))
        if content:
            name = "content.eml" if re.match(rb"[A-Za-z-]{3,40}:", content) else "content"
            yield Child(name, Layer("cms", "content"), partial(Reader.of, content), len(content), "embedded")


def _octets(raw: bytes, node: Node, budget: list[int], depth: int) -> Iterator[bytes]:
    if node.tag == _OCTETS:
        yield raw[node.start : node.end]
    elif node.tag & 0x20 and depth < _DEPTH:
        for inner in _children(raw, node, budget):
            yield from _octets(raw, inner, budget, depth + 1)


def _people(raw: bytes, root: Node, budget: list[int]) -> Iterator[Piece]:
    """Attributes of distinguished names, and addresses of subjects, in the order of the certificates."""
    seen: set[tuple[str, str]] = set()
    for kind, value in _attributes(raw, root, budget):
        if (kind, value) in seen:
            continue
        seen.add((kind, value))
        yield Passage(f"{kind}: {value}\n", "certificate")
        if kind in ("name", "email", "organization"):
            yield Stated("name" if kind == "organization" else kind, value, "mentioned", "certificate")


def _attributes(raw: bytes, root: Node, budget: list[int]) -> Iterator[tuple[str, str]]:
    stack, depth = [_children(raw, root, budget)[::-1]], 0
    while stack:
        if not stack[-1]:
            stack.pop()
            depth -= 1
            continue
        node = stack[-1].pop()
        if node.tag == 0x81 and _ADDRESS.fullmatch(text := raw[node.start : node.end][:320].decode("latin-1")):
            yield "email", text
        if not node.tag & 0x20 or depth > _DEPTH:
            if node.tag == _OCTETS and raw[node.start : node.start + 1] == b"\x30" and node.end - node.start < 4096:
                stack.append(_children(raw, node, budget)[::-1])
                depth += 1
            continue
        below = _children(raw, node, budget)
        if len(below) == 2 and below[0].tag == _OID and below[1].tag in _STRINGS:
            kind = _NAMES.get(raw[below[0].start : below[0].end].hex(), "")
            text = raw[below[1].start : below[1].end][:1024].decode(_STRINGS[below[1].tag], "replace").strip("\0 ")
            if kind and text:
                yield kind, text
            continue
        stack.append(below[::-1])
        depth += 1


def _children(raw: bytes, node: Node, budget: list[int]) -> list[Node]:
    """The elements in another, also where it does not state its length (X.690 8.1.3.6)."""
    found, at = [], node.start
    while at + 2 <= node.end and budget[0] > 0:
        inner = _element(raw, at, node.end, 0, budget)
        if inner is None or (inner.tag == 0 and inner.start == inner.end):
            break
        budget[0] -= 1
        found.append(inner)
        at = inner.end + (2 if raw[at + 1] == 0x80 and raw[inner.end : inner.end + 2] == b"\0\0" else 0)
    return found


def _element(raw: bytes, at: int, end: int, depth: int, budget: list[int]) -> Node | None:
    tag, length, start = raw[at], raw[at + 1], at + 2
    if tag & 0x1F == 0x1F or depth > _DEPTH:
        return None
    if length == 0x80:
        return Node(tag, start, _open_end(raw, start, end, depth, budget))
    if length & 0x80:
        wide = length & 0x7F
        length, start = int.from_bytes(raw[start : start + wide], "big") if wide <= 8 else end, start + wide
    return Node(tag, start, min(end, start + length))


def _open_end(raw: bytes, at: int, end: int, depth: int, budget: list[int]) -> int:
    """Where the content of an element without a length ends: at the mark of its own level."""
    while at + 2 <= end and raw[at : at + 2] != b"\0\0":
        inner = _element(raw, at, end, depth + 1, budget)
        budget[0] -= 1
        if inner is None or budget[0] <= 0:
            return end
        at = inner.end + (2 if raw[at + 1] == 0x80 else 0)
    return min(at, end)
