"""Office Open XML: documents, workbooks and presentations, with their macro and template variants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, LimitError, PasswordError, UnsupportedError
from moisson.extract import markup, sheet, slide, word
from moisson.extract.markup import Sink, local
from moisson.extract.ooxmlcrypt import unlock
from moisson.extract.package import Package
from moisson.extract.parts import relations
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Flag | Child
_OPENXML = "application/vnd.openxmlformats-officedocument."
_WORDS = tuple(_OPENXML + "wordprocessingml." + x for x in ("document", "template"))
_SHEETS = tuple(_OPENXML + "spreadsheetml." + x for x in ("sheet", "template"))
_SLIDES = tuple(_OPENXML + "presentationml." + x for x in ("presentation", "template", "slideshow", "slide"))
_MACRO_WORDS = tuple(f"application/vnd.ms-word.{x}.macroenabled.12" for x in ("document", "template"))
_MACRO_SHEETS = tuple(f"application/vnd.ms-excel.{x}.macroenabled.12" for x in ("sheet", "template", "addin"))
_MACRO_SLIDES = tuple(
    f"application/vnd.ms-powerpoint.{x}.macroenabled.12" for x in ("presentation", "template", "slideshow", "addin")
)
_BINARY = (
    "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
)
_OTHER = (
    "application/vnd.ms-visio.drawing.main+xml",
    "application/vnd.ms-xpsdocument",
    "application/x-encrypted-ooxml",
)
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
_EMBEDDED = re.compile(
    r"(?i)(^|/)(media|embeddings|activex|thumbnails?|objects)/(?!_rels/)[^/]+$|^docprops/thumbnail\.\w+$|(^|/)vbaproject\.bin$"
)
_KEYS = {
    "creator": "author", "lastModifiedBy": "last_author", "lastPrinted": "printed", "Application": "application",
    "AppVersion": "version", "Company": "company", "Manager": "manager", "HyperlinkBase": "link_base",
}  # fmt: skip
_IGNORED = frozenset(
    [
        "DocSecurity",
        "ScaleCrop",
        "LinksUpToDate",
        "SharedDoc",
        "HyperlinksChanged",
        "TitlesOfParts",
        "HeadingPairs",
        "Characters",
        "Lines",
        "Paragraphs",
        "CharactersWithSpaces",
        "PresentationFormat",
        "Notes",
        "HiddenSlides",
        "MMClips",
        "DigSig",
        "HLinks",
    ]
)


@step(
    "extract.office",
    version=1,
    kinds=(*_WORDS, *_SHEETS, *_SLIDES, *_MACRO_WORDS, *_MACRO_SHEETS, *_MACRO_SLIDES, *_BINARY, *_OTHER),
    reference="ECMA-376, [MS-OFFCRYPTO], [MS-XLSB]",
)
def read_office(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Body, notes and comments in reading order, properties, and what is embedded; opened with `keys` if locked."""
    if data.head(8) == _COMPOUND:
        yield Flag("encrypted")
        try:
            data = unlock(data, keys)
        except PasswordError:
            yield Flag("password")
            raise
    yield from read_package(Package(data))


def read_package(package: Package) -> Iterator[Piece]:
    """The pieces of an opened package."""
    if package.damage:
        yield Flag("damaged", package.damage)
    if not any(n.endswith((".xml", ".bin", ".fpage")) for n in map(str.casefold, package.names)):
        raise DamagedError("no part of an Office document")
    yield from properties(package)
    try:
        yield from _bodies(package)
    except LimitError as why:
        yield Flag("truncated", str(why))
    chunks = {r.target for r in relations(package, "word/document.xml").values() if r.kind == "aFChunk"}
    for name in package.names:
        if _EMBEDDED.search(name) or name in chunks:
            yield package.child(name, "thumbnail" if "thumbnail" in name.casefold() else "embedded")


def _bodies(package: Package) -> Iterator[Piece]:
    folders = {name.partition("/")[0].casefold() for name in package.names}
    if "xl" in folders:
        yield from sheet.read_book(package)
    if "ppt" in folders:
        yield from slide.read_slides(package)
    if "word" in folders or not folders & {"xl", "ppt"}:
        yield from word.read_document(package)


class _Properties(Sink):
    """Core, application and custom properties (ECMA-376 part 2 §8, part 1 §22)."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Fact] = []
        self._name, self._text = "", ""
        self._custom = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._text = ""
        if local(tag) == "property":
            self._custom = attributes.get("name", "")

    def data(self, text: str) -> None:
        if len(self._text) < 4000:
            self._text += text

    def end(self, tag: str) -> None:
        name, value = local(tag), self._text.strip()
        if not value:
            return
        if self._custom:
            self.facts.append(Fact(f"office.custom.{self._custom}", value))
        elif name not in _IGNORED and name not in ("lpstr", "i4", "variant", "vector"):
            self.facts.append(Fact(f"office.{_KEYS.get(name, name.lower())}", value))
        self._text = ""


def properties(package: Package) -> Iterator[Fact]:
    """What `docProps` says, as `office.author`, `office.created`, `office.company` …"""
    for name in package.names:
        if name.casefold().startswith("docprops/") and name.casefold().endswith(".xml"):
            sink = _Properties()
            try:
                markup.run(package.read(name, 4 << 20), sink)
            except (LimitError, UnsupportedError):
                continue
            yield from sink.facts
