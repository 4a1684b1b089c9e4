"""Forms of a PDF that draw themselves, or each other so often that no page ends (ISO 32000-2 8.10)."""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from collections import Counter
from itertools import islice

MAX_DRAWN = 20_000
_MAX_FORMS, _MAX_STREAMS, _MAX_OBJECTS = 5000, 2000, 1_000_000
_MAX_DICTIONARY, _MAX_CONTENT, _MAX_ALL = 1 << 16, 4 << 20, 64 << 20
_HEADER = re.compile(rb"(?<!\d)(\d{1,10})\s{1,8}\d{1,5}\s{1,8}obj\b")
_FORM = re.compile(rb"/Subtype\s{0,8}/(F)orm\b")
_PACKED = re.compile(rb"/Type\s{0,8}/ObjStm\b")
_DO = re.compile(rb"/([^\s/<>\[\](){}%]{1,127})\s+Do\b")
_REFERENCE = re.compile(rb"/([^\s/<>\[\](){}%]{1,127})\s{0,8}(\d{1,10})\s{1,8}\d{1,5}\s{1,8}R\b")
_RESOURCES = re.compile(rb"/Resources\b\s{0,8}(?:(\d{1,10})\s{1,8}\d{1,5}\s{1,8}R|<<)")
_XOBJECT = re.compile(rb"/XObject\b\s{0,8}(?:(\d{1,10})\s{1,8}\d{1,5}\s{1,8}R|<<([^<>]{0,65536})>>)")
_STREAM = re.compile(rb"\bstream\r?\n?")


def without_loops(source: bytes) -> tuple[bytes, int]:
    """The file with such forms no longer called forms, and how many they were."""
    if not _FORM.search(source):
        return source, 0
    file = _File(source)
    endless = file.endless()
    if not endless:
        return source, 0
    mended = bytearray(source)
    for number in endless:
        for at in file.forms[number]:
            mended[at] = ord("X")
    return bytes(mended), len(endless)


class _File:
    """The objects of a file as its bytes show them, whatever its cross-references say."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._left = _MAX_ALL
        headers = [(m.end(), int(m[1])) for m in islice(_HEADER.finditer(source), _MAX_OBJECTS)]
        self._starts, self._numbers = [at for at, _ in headers], [n for _, n in headers]
        self._at = {number: at for at, number in headers}
        self._packed: dict[int, bytes] | None = None
        self.forms: dict[int, list[int]] = {}
        for m in islice(_FORM.finditer(source), _MAX_FORMS):
            self.forms.setdefault(self._holder(m.start()), []).append(m.start(1))

    def endless(self) -> list[int]:
        """The innermost forms that draw themselves, or more than `MAX_DRAWN` others."""
        drawn = {number: self._drawn(number) for number in self.forms}
        nested = {number: names for number, names in drawn.items() if names}
        if not nested:
            return []
        edges = {number: self._edges(number, names) for number, names in nested.items()}
        endless: list[int] = []
        weights: dict[int, int] = {}
        for number in edges:
            _weigh(number, edges, weights, endless)
        return endless

    def _holder(self, at: int) -> int:
        place = bisect_right(self._starts, at) - 1
        return self._numbers[place] if place >= 0 else -1

    def _dictionary(self, number: int) -> bytes:
        at = self._at.get(number, -1)
        if at < 0:
            return self._unpacked().get(number, b"")
        piece = self.source[at : at + _MAX_DICTIONARY]
        ends = [e for e in (piece.find(b"stream"), piece.find(b"endobj")) if e >= 0]
        return piece[: min(ends)] if ends else piece

    def _content(self, number: int) -> bytes:
        """A stream as far as it is plain or deflated, within the budget of all."""
        head = self._dictionary(number)
        start = _STREAM.match(self.source, self._at.get(number, 0) + len(head))
        if not start or self._left <= 0:
            return b""
        end = self.source.find(b"endstream", start.end())
        raw = self.source[start.end() : min(end if end > 0 else len(self.source), start.end() + _MAX_CONTENT)]
        if b"/Fl" in head:
            try:
                raw = zlib.decompressobj().decompress(raw, min(_MAX_CONTENT, self._left))
            except zlib.error:
                return b""
        self._left -= len(raw)
        return raw

    def _drawn(self, number: int) -> Counter[bytes]:
        return Counter(m[1] for m in islice(_DO.finditer(self._content(number)), MAX_DRAWN))

    def _edges(self, number: int, names: Counter[bytes]) -> Counter[int]:
        head = self._dictionary(number)
        known = self._named(head) if _RESOURCES.search(head) else self._all_named()
        found: Counter[int] = Counter()
        for name, times in names.items():
            for target in known.get(name, ()):
                if target in self.forms:
                    found[target] += times
        return found

    def _named(self, head: bytes) -> dict[bytes, list[int]]:
        """The names under which a dictionary's resources know other objects."""
        if (m := _RESOURCES.search(head)) and m[1]:
            head = self._dictionary(int(m[1]))
        found: dict[bytes, list[int]] = {}
        for m in _XOBJECT.finditer(head):
            inner = self._dictionary(int(m[1])) if m[1] else m[2]
            for name, target in _REFERENCE.findall(inner):
                found.setdefault(name, []).append(int(target))
        return found

    def _all_named(self) -> dict[bytes, list[int]]:
        """A form without resources of its own draws by those of whoever draws it."""
        found: dict[bytes, list[int]] = {}
        for name, target in islice(_REFERENCE.findall(self.source), _MAX_OBJECTS):
            if int(target) in self.forms and int(target) not in found.setdefault(name, []):
                found[name].append(int(target))
        return found

    def _unpacked(self) -> dict[int, bytes]:
        """The objects within object streams (7.5.7)."""
        if self._packed is not None:
            return self._packed
        self._packed = {}
        for m in islice(_PACKED.finditer(self.source), _MAX_STREAMS):
            number = self._holder(m.start())
            first = re.search(rb"/First\s{0,8}(\d{1,9})\b", self._dictionary(number) if number in self._at else b"")
            content = self._content(number) if first else b""
            base = int(first[1]) if first else 0
            heads = [int(x) for x in content[:base].split()[: 2 * _MAX_FORMS] if x.isdigit() and len(x) < 11]
            places = heads[1::2]
            for name, at, end in zip(heads[::2], places, [*places[1:], len(content)], strict=False):
                self._packed[name] = content[base + at : base + min(end, at + _MAX_DICTIONARY)]
        return self._packed


def _weigh(root: int, edges: dict[int, Counter[int]], weights: dict[int, int], endless: list[int]) -> None:
    """How many forms are drawn when one is; none where it is too many, for then it will not be drawn."""
    path = [(root, list(edges[root]))] if root not in weights else []
    open_, looped = {root}, set[int]()
    while path:
        number, rest = path[-1]
        if rest:
            target = rest.pop()
            if target in open_:
                looped.add(target)
            elif target in edges and target not in weights:
                path.append((target, list(edges[target])))
                open_.add(target)
            continue
        path.pop()
        open_.discard(number)
        total = 1 + sum(times * weights.get(target, 1) for target, times in edges[number].items())
        nested = any(target in edges for target in edges[number])
        if number in looped or (total > MAX_DRAWN and nested):
            endless.append(number)
            total = 0
        weights[number] = total
