"""SpreadsheetML (ECMA-376 part 1 §18): sheets row by row, as their cells show, with comments, links and caches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.extract import binarysheet
from moisson.extract.cells import shown
from moisson.extract.markup import Sink, local, texts
from moisson.extract.parts import Drawing, Relation, matching, relations
from moisson.model import Fact, Flag, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.extract.package import Package

MAX_STRINGS, MAX_STRING_CHARS = 4_000_000, 60_000_000
_TOLD = ("mailto:", "http", "tel:", '"')
_HEADER = re.compile(r"&(?:[LCRPNDTFAGZEBIUSXYOH]|\"[^\"]*\"|K[0-9A-F]{6}|\d{1,3})")


class _Strings(Sink):
    """The shared strings, without their phonetic runs."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []
        self._room = MAX_STRING_CHARS
        self._parts: list[str] = []
        self._on = self._phonetic = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "t":
            self._on = not self._phonetic
        elif name == "rPh":
            self._phonetic = True

    def data(self, text: str) -> None:
        if self._on and self._room > 0:
            self._parts.append(text)
            self._room -= len(text)

    def end(self, tag: str) -> None:
        name = local(tag)
        if name == "t":
            self._on = False
        elif name == "rPh":
            self._phonetic = False
        elif name == "si":
            if len(self.strings) < MAX_STRINGS:
                self.strings.append("".join(self._parts))
            self._parts = []


class _Styles(Sink):
    """Which number format each cell style has."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[int, str] = {}
        self.styles: list[int] = []
        self._cells = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "numFmt":
            self.codes[whole(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._cells = True
        elif name == "xf" and self._cells and len(self.styles) < 100_000:
            self.styles.append(whole(attributes.get("numFmtId")))

    def end(self, tag: str) -> None:
        if local(tag) == "cellXfs":
            self._cells = False


class _Book(Sink):
    """The names of the sheets, the names that are defined, and which calendar is used."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, str, str]] = []
        self.base_1904 = False
        self._name = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "sheet":
            rid = next((v for k, v in attributes.items() if k.startswith("{") and local(k) == "id"), "")
            self.sheets.append((attributes.get("name", ""), rid, attributes.get("state", "")))
        elif name == "workbookPr":
            self.base_1904 = attributes.get("date1904", "") in ("1", "true", "on")
        elif name == "definedName" and attributes.get("name", "")[:6] not in ("_xlnm.", "_xlfn."):
            self._name = attributes.get("name", "")

    def data(self, text: str) -> None:
        if self._name:
            self.write(f"{self._name} = {text}\n")
            self._name = ""


class _Sheet(Sink):
    """One sheet; a row is a line, its cells are parted by tabs, and empty cells leave no trace."""

    def __init__(self, strings: list[str], styles: _Styles, book: _Book) -> None:
        super().__init__()
        self.strings, self.styles, self.base_1904 = strings, styles, book.base_1904
        self._kind = self._text = self._formula = self._inline = ""
        self._style = 0
        self._mode = ""
        self._filled = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "c":
            self._kind, self._style = attributes.get("t", "n"), whole(attributes.get("s"))
            self._text = self._formula = self._inline = ""
        elif name in ("v", "t", "f", "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter",
                      "formula1"):  # fmt: skip
            self._mode, self._text = name, self._text if name == "f" else ""
        elif name == "rPh":
            self._mode = "phonetic"
        elif name == "hyperlink":
            self.write(" ".join(filter(None, map(attributes.get, ("location", "display", "tooltip")))) + "\n")
        elif name in ("inputCell", "dataValidation"):
            self.write("".join(f"{attributes[k]}\n" for k in ("promptTitle", "prompt", "error") if k in attributes))

    def data(self, text: str) -> None:
        if self._mode == "t":
            self._inline += text
        elif self._mode == "f":
            self._formula += text
        elif self._mode and self._mode != "phonetic":
            self._text += text

    def end(self, tag: str) -> None:
        name = local(tag)
        if name == "c":
            self._cell()
        elif name == "row":
            if self._filled:
                self.write("\n")
            self._filled = False
        elif name.endswith(("Header", "Footer")) and self._mode == name:
            self.write(_HEADER.sub(" ", self._text).strip() + "\n")
        elif name == "formula1" and self._text.startswith('"'):
            self.write(self._text.strip('"') + "\n")
        if name != "r" or self._mode == name:
            self._mode = ""

    def _cell(self) -> None:
        value = self._inline or self._value(self._text.strip())
        if self._formula and any(mark in self._formula for mark in _TOLD):
            value += f" ={self._formula}"
        if value:
            self.write(("\t" if self._filled else "") + value)
            self._filled = True

    def _value(self, text: str) -> str:
        if self._kind == "s":
            index = whole(text, -1)
            return self.strings[index] if 0 <= index < len(self.strings) else ""
        if self._kind in ("str", "e", "d", "inlineStr"):
            return self._text
        if self._kind == "b":
            return "TRUE" if text == "1" else "FALSE" if text else ""
        if not text:
            return ""
        try:
            number = float(text)
        except ValueError:
            return text
        styles = self.styles.styles
        format_id = styles[self._style] if self._style < len(styles) else 0
        if not format_id and text.isdigit():
            return text
        return shown(number, format_id, self.styles.codes.get(format_id, ""), base_1904=self.base_1904)


def whole(text: str | None, default: int = 0) -> int:
    """An attribute as a whole number."""
    try:
        return int(text) if text else default
    except ValueError:
        return default


def read_book(package: Package) -> Iterator[Passage | Fact | Flag]:
    """Every sheet in its order, then comments, drawings, caches and the places the book connects to."""
    if any(name.casefold() == "xl/workbook.bin" for name in package.names):
        yield from binarysheet.read_book(package)
    else:
        yield from _sheets(package)
    pattern = r"xl/((?:comments/)?comments?\d*|threadedComments/threadedComment\d*|persons/person\d*|drawings/drawing\d*|charts/chart\d*|diagrams/data\d*|drawings/vmlDrawing\d*)\.(xml|vml)"  # noqa: E501
    for part in matching(package, pattern):
        sink = _Persons() if "/person" in part else Drawing(relations(package, part))
        yield Passage("".join(texts(package.chunks(part), sink)), "comments" if "omment" in part else "")
    for part in matching(package, r"xl/(pivotCache/pivotCache\w+?|connections|queryTables/queryTable)\d*\.xml"):
        for text in texts(package.chunks(part), _Cache()):
            yield Passage(text)
    for part in matching(package, r"xl/externalLinks/externalLink\d+\.xml"):
        yield Passage("".join(texts(package.chunks(part), _Cache())), "link")
        yield from _targets(relations(package, part))


def _sheets(package: Package) -> Iterator[Passage | Fact]:
    strings, styles, book = _Strings(), _Styles(), _Book()
    for part, sink in (("sharedStrings", strings), ("styles", styles), ("workbook", book)):
        for text in texts(package.chunks(f"xl/{part}.xml"), sink):
            yield Passage(text)
    links = relations(package, "xl/workbook.xml")
    named = {links[rid].target: (name, state) for name, rid, state in book.sheets if rid in links}
    rest = matching(package, r"xl/(worksheets|chartsheets|dialogsheets|macrosheets)/[^/]+\.xml")
    for part in dict.fromkeys([*(t for t in named if t in package), *rest]):
        name, state = named.get(part, (part.rpartition("/")[2], ""))
        if state not in ("", "visible"):
            yield Fact("office.hidden_sheet", name)
        yield Passage(f"{name}\n", f"sheet:{name}")
        for text in texts(package.chunks(part), _Sheet(strings.strings, styles, book)):
            yield Passage(text)
        yield Passage("\n")
        yield from _targets(relations(package, part))


def _targets(links: dict[str, Relation]) -> Iterator[Passage]:
    for relation in links.values():
        if relation.external:
            yield Passage(relation.target + "\n", "link")


class _Persons(Sink):
    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "person":
            self.write(" ".join(v for k, v in attributes.items() if k in ("displayName", "userId")) + "\n")


class _Cache(Sink):
    """Values that a pivot table remembers even when its source is gone, and the addresses of connections."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name in ("ddeLink", "oleLink"):
            self.write("|".join(attributes.get(k, "") for k in ("ddeService", "ddeTopic", "progId")) + "\n")
        elif name in ("s", "d") and (value := attributes.get("v")):
            self.write(value + "\n")
        elif name in ("connection", "dbPr", "webPr", "textPr", "cacheField", "worksheetSource"):
            keys = ("name", "description", "connection", "command", "url", "sourceFile", "sheet")
            self.write(" ".join(attributes[k] for k in keys if k in attributes) + "\n")
