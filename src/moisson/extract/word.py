"""WordprocessingML (ECMA-376 part 1 §17): body, headers, notes, comments, boxes, fields and tracked changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.extract.markup import Rows, Sink, local, texts
from moisson.extract.parts import Drawing, Relation, matching, relations
from moisson.model import Fact, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.extract.package import Package

_ORDER = (
    ("header", r"word/header\d*\.xml"),
    ("", r"word/(document\d*|glossary/document)\.xml"),
    ("footer", r"word/footer\d*\.xml"),
    ("footnotes", r"word/(footnotes|endnotes)\d*\.xml"),
    ("comments", r"word/(comments)\d*\.xml"),
    ("drawing", r"(word/(diagrams/data|charts/chart|drawings/drawing)|visio/(pages/page|masters/master))\d*\.xml"),
)
_SPACE = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_SYMBOL = 0xF000
_CHANGES = 10_000


def read_document(package: Package) -> Iterator[Passage | Fact]:
    """The text of a document part by part, then who worked on it and where its links lead."""
    people: dict[str, None] = {}
    targets: dict[str, None] = {}
    dates: set[str] = set()
    for place, pattern in _ORDER:
        for part in matching(package, pattern):
            links = relations(package, part)
            targets |= dict.fromkeys(r.target for r in links.values() if r.external)
            sink: Sink = Drawing(links) if place == "drawing" else Words(links)
            for number, text in enumerate(texts(package.chunks(part), sink)):
                yield Passage(text, place if not number else "")
            if isinstance(sink, Words):
                people |= sink.people
                dates |= sink.dates
            yield Passage("\n")
    for part in matching(package, r"(?!word/).*\.fpage"):
        yield Passage("".join(texts(package.chunks(part), _Glyphs())) + "\n")
    for part in matching(package, r"word/(people|settings|_rels/settings\.xml)\.(xml|rels)"):
        sink = _Persons()
        yield Passage("".join(texts(package.chunks(part), sink)))
    for part in matching(package, r"customXml/item\d*\.xml"):
        for text in texts(package.chunks(part), _Values()):
            yield Passage(text, "custom")
    for target in targets:
        yield Passage(target + "\n", "link")
    for person in people:
        yield Fact("office.editor", person)
    if dates:
        yield Fact("office.first_change", min(dates))
        yield Fact("office.last_change", max(dates))


class Words(Rows):
    """The text of one part; cells end with a tab and rows with a line, so that a row stays on one line."""

    def __init__(self, links: dict[str, Relation]) -> None:
        super().__init__()
        self.links = links
        self.people: dict[str, None] = {}
        self.dates: set[str] = set()
        self._on = self._skip = 0
        self._target: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if self._skip or name == "Fallback":
            self._skip += 1
            return
        if name in ("t", "delText", "instrText", "delInstrText"):
            self._on += 1
            if name.endswith("nstrText"):
                self.write(" ")
        elif name in _SPACE:
            self.write(_SPACE[name])
        elif name == "tc":
            self.cells += 1
        elif attributes:
            self._attributes(name, attributes)

    def _attributes(self, name: str, attributes: dict[str, str]) -> None:
        values = {local(key): value for key, value in attributes.items()}
        if name in ("ins", "del", "moveFrom", "moveTo", "comment") and (author := values.get("author")):
            self.people[author] = None
            if (date := values.get("date", "")) and len(self.dates) < _CHANGES:
                self.dates.add(date)
            if name == "comment":
                self.write(f"{author} {values.get('date', '')}: ")
        elif name in ("docPr", "cNvPr", "shape", "textpath", "imagedata"):
            for key in ("descr", "title", "alt", "string"):
                if value := values.get(key):
                    self.write(f" {value} ")
        elif name == "sym":
            self.write(_symbol(values.get("char", "")))
        elif name == "hyperlink":
            relation = self.links.get(values.get("id", ""))
            self._target.append(relation.target if relation and relation.external else "")
        elif name in ("hlinkClick", "hlinkHover") and (relation := self.links.get(values.get("id", ""))):
            self.write(f" {relation.target} " if relation.external else "")
        elif name == "fldSimple":
            self.write(f" {values.get('instr', '')} ")

    def data(self, text: str) -> None:
        if self._on:
            self.write(text)

    def end(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        name = local(tag)
        if name in ("t", "delText", "instrText", "delInstrText"):
            self._on -= 1
            if name.endswith("nstrText"):
                self.write(" ")
        elif name == "p":
            self.end_paragraph()
        elif name == "tc":
            self.end_cell()
        elif name == "tr":
            self.end_row()
        elif name == "hyperlink" and self._target and (target := self._target.pop()):
            self.targets.append(target)


def _symbol(code: str) -> str:
    try:
        value = int(code, 16)
    except ValueError:
        return ""
    return "" if value >= _SYMBOL or not value or 0xD800 <= value < 0xE000 else chr(value)


class _Persons(Sink):
    """Names and addresses of those who are known to the document ([MS-DOCX] 2.5.1.11), and attached templates."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) in ("person", "presenceInfo", "Relationship"):
            for key, value in attributes.items():
                if local(key) in ("author", "userId", "Target"):
                    self.write(value + "\n")


class _Values(Sink):
    """What a form or a server keeps beside the text: the values of its elements, a line each."""

    def data(self, text: str) -> None:
        if value := text.strip():
            self.write(value + "\n")


class _Glyphs(Sink):
    """The strings of a fixed page (ECMA-388)."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "Glyphs" and (text := attributes.get("UnicodeString", "")):
            self.write(text.removeprefix("{}") + "\n")
        if link := attributes.get("FixedPage.NavigateUri", ""):
            self.write(link + "\n")
