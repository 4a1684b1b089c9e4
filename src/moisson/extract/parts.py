"""The parts of an Office Open XML package: their relations, their order, and the words of any part."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moisson.extract import markup
from moisson.extract.markup import Rows, Sink, local

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moisson.extract.package import Package

_SAID = ("t", "v", "text", "Text", "author")
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Relation:
    """Where one part leads: `target` is a part's name, or a URL when `external`."""

    kind: str
    target: str
    external: bool


class _Relations(Sink):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.found: dict[str, Relation] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) != "Relationship":
            return
        external = attributes.get("TargetMode") == "External"
        target = attributes.get("Target", "")
        if not external:
            target = posixpath.normpath(posixpath.join("/", self.base, target)).lstrip("/")
        kind = attributes.get("Type", "").rpartition("/")[2]
        self.found[attributes.get("Id", "")] = Relation(kind, target, external)


def relations(package: Package, part: str) -> dict[str, Relation]:
    """The relations of a part by identifier (ECMA-376 part 2 §6.5)."""
    folder, _, name = part.rpartition("/")
    sink = _Relations(folder)
    raw = package.read(f"{folder}/_rels/{name}.rels".lstrip("/"), 8 << 20)
    if raw:
        markup.run(raw, sink)
    return sink.found


def by_number(names: Iterable[str]) -> list[str]:
    """Names in the order in which people count: slide2 before slide10."""
    return sorted(names, key=lambda name: [int(x) if x.isdigit() else x for x in _NUMBER.split(name.casefold())])


def matching(package: Package, pattern: str) -> list[str]:
    """The parts whose whole name fits a pattern, in order."""
    rule = re.compile(pattern, re.IGNORECASE)
    return by_number(name for name in package.names if rule.fullmatch(name))


class Drawing(Rows):
    """The words of DrawingML wherever it occurs: slides, charts, diagrams, shapes (ECMA-376 part 1 §20, §21)."""

    def __init__(self, links: dict[str, Relation] | None = None) -> None:
        super().__init__()
        self.links = links or {}
        self._on = False
        self._skip = 0
        self._fresh = True
        self.hidden = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if self._skip or name == "Fallback":
            self._skip += 1
            return
        if name in _SAID:
            self._on = True
        elif name == "tc":
            self.cells += 1
        elif name == "sld":
            self.hidden = attributes.get("show") in ("0", "false")
        elif name == "br":
            self.write("\n")
        elif name == "tab":
            self.write("\t")
        elif name in ("cNvPr", "docPr"):
            for key in ("descr", "title"):
                if value := attributes.get(key, ""):
                    self.write(value + "\n")
        elif name in ("hlinkClick", "hlinkHover", "hlinkMouseOver"):
            self._link(attributes)

    def _link(self, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            if local(key) == "id" and (relation := self.links.get(value)) and relation.external:
                self.targets.append(relation.target)

    def data(self, text: str) -> None:
        if self._on:
            self.write(text)
            self._fresh = False

    def end(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        name = local(tag)
        self._on = False
        if name == "tc":
            self.end_cell()
        elif (name == "p" or name in _SAID[1:]) and not self._fresh:
            self._fresh = True
            self.end_paragraph()
        elif name == "tr":
            self.end_row()
