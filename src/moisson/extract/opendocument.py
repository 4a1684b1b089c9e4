"""OpenDocument and its ancestors of OpenOffice 1: texts, sheets, presentations, drawings, zipped or flat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, LimitError, PasswordError
from moisson.extract.markup import PIECE, Rows, Sink, local, run, texts
from moisson.extract.odfcrypt import Manifest, find_password
from moisson.extract.package import Package
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Flag | Child
_ODF = "application/vnd.oasis.opendocument."
_SUN = "application/vnd.sun.xml."
_EMBEDDED = re.compile(
    r"(?i)(^|.*/)(pictures|media|thumbnails|basic/.+|object[^/]*)/[^/]+$|^objectreplacements/.*|^object \d+$"
)
_KEYS = {"initial-creator": "author", "creator": "last_author", "creation-date": "created", "date": "modified",
         "print-date": "printed", "printed-by": "printed_by", "generator": "application", "editing-cycles": "revision",
         "keyword": "keywords", "description": "comments"}  # fmt: skip
_LINES = frozenset(("p", "h", "table-row", "list-item", "page", "note-body", "change-info"))
_SPOKEN = frozenset(("p", "h", "title", "desc", "creator", "date", "date-string", "sender-initials"))
_FORMULA = ("annotation", "mtext")
MAX_BLANKS, MAX_REPEATED = 100, 64
MAX_WHOLE = 128 << 20
_WHOLE = "encrypted-package"


@step(
    "extract.opendocument",
    version=1,
    kinds=(
        *(_ODF + x for x in ("text", "spreadsheet", "presentation", "graphics", "chart", "formula", "text-master")),
        *(_ODF + x + "-template" for x in ("text", "spreadsheet", "presentation", "graphics")),
        *(_SUN + x for x in ("writer", "calc", "impress", "draw", "writer.template", "calc.template")),
    ),
    reference="OpenDocument 1.3",
)  # fmt: skip
def read_opendocument(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Body with notes, comments and tracked changes, headers and footers, properties, and what is embedded."""
    if data.head(4)[:2] != b"PK":
        yield from _flat(data)
        return
    package = Package(data)
    if package.damage:
        yield Flag("damaged", package.damage)
    manifest = Manifest()
    run(package.read("META-INF/manifest.xml", 8 << 20), manifest)
    if manifest.locks:
        yield Flag("encrypted")
        try:
            package.ring = find_password(manifest.locks, _sealed(package, manifest), keys)
        except PasswordError:
            yield Flag("password")
            raise
        if _WHOLE in package.ring.locks and _WHOLE in package:
            package = Package(Reader.of(package.read(_WHOLE, MAX_WHOLE)))
    if not any(name.casefold().endswith(".xml") for name in package.names):
        raise DamagedError("no part of an OpenDocument")
    meta = _Meta()
    run(package.read("meta.xml", 4 << 20), meta)
    yield from meta.facts
    yield from _bodies(package)
    for name in package.names:
        if _EMBEDDED.fullmatch(name) and not name.casefold().endswith((".xml", ".rdf")):
            yield package.child(name, "thumbnail" if name.casefold().startswith("thumbnail") else "embedded")


def _sealed(package: Package, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """The smallest encrypted part, still encrypted, for a password to be tried on."""
    there = [(package.parts[name].packed, name) for name in manifest.locks if name in package.parts]
    for _, name in sorted(there)[:1]:
        yield name, package.read(name)


def _bodies(package: Package) -> Iterator[Piece]:
    try:
        for name in (
            n for n in ("content.xml", "styles.xml", *_objects(package)) if n in package or n == "content.xml"
        ):
            sink = Body(styles=name == "styles.xml")
            for number, text in enumerate(texts(package.chunks(name), sink)):
                yield Passage(text, name.partition(".")[0] if not number and name != "content.xml" else "")
            yield Passage("\n")
            if sink.failed:
                yield Flag("damaged", sink.failed)
    except LimitError as why:
        yield Flag("truncated", str(why))


def _objects(package: Package) -> list[str]:
    return [name for name in package.names if name.casefold().endswith("/content.xml")][:200]


def _flat(data: Reader) -> Iterator[Piece]:
    meta, body = _Meta(), Body(styles=False)
    run(data.head(1 << 20), meta)
    yield from meta.facts
    for text in texts(data.chunks(PIECE), body):
        yield Passage(text)


class _Meta(Sink):
    """The properties (part 3 §4.3)."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Fact] = []
        self._inside = False
        self._text = self._name = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        self._inside = self._inside or name == "meta"
        self._text = ""
        self._name = ""
        if name == "user-defined":
            self._name = "custom." + next((v for k, v in attributes.items() if local(k) == "name"), "")
        elif name == "template":
            self.facts += [
                Fact("office.template", v) for k, v in attributes.items() if local(k) in ("href", "title") and v
            ]

    def data(self, text: str) -> None:
        if len(self._text) < 4000:
            self._text += text

    def end(self, tag: str) -> None:
        name, value = local(tag), self._text.strip()
        if self._inside and value and name not in ("meta", "document-meta"):
            self.facts.append(Fact(f"office.{self._name or _KEYS.get(name, name)}", value))
        self._inside = self._inside and name != "meta"
        self._text = ""


class Body(Rows):
    """The words of a body or, from the styles, of headers and footers; a row of a table is a line."""

    def __init__(self, *, styles: bool) -> None:
        super().__init__()
        self._styles = styles
        self._deep: list[str] = []
        self._skip = 0
        self._speak = 0
        self._repeat = 1
        self._targets: list[str] = []
        self._value = ""
        self._said = False

    def write(self, text: str) -> None:
        super().write(text)
        self._said = True

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if self._skip or name in ("binary-data", "script"):
            self._skip += 1
            return
        if _spoken(name, tag):
            self._speak += 1
        elif self._speak and name in ("s", "tab", "tab-stop", "line-break"):
            count = _count(attributes, "c")
            self.write(" " * count if name == "s" else "\n" if name == "line-break" else "\t")
        elif name == "a":
            self._targets.append(_attribute(attributes, "href"))
        elif name in ("table-cell", "covered-table-cell"):
            self.cells += 1
            self._said = False
            self._value = _attribute(attributes, "value") or _attribute(attributes, "string-value")
        elif name == "table" and not self._styles:
            self.write(_attribute(attributes, "name") + "\n")
        elif name == "page" and (title := _attribute(attributes, "name")):
            self.write(title + "\n")
        elif name in ("frame", "object", "image", "annotation", "plugin") and (link := _attribute(attributes, "href")):
            self.write(link + "\n" if "://" in link else "")

    def data(self, text: str) -> None:
        if self._speak and not self._skip:
            self.write(text)

    def end(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        name = local(tag)
        if _spoken(name, tag):
            self._speak -= 1
        if name == "a" and self._targets:
            target = self._targets.pop()
            if target and not target.startswith("#"):
                self.targets.append(target)
        elif name in ("table-cell", "covered-table-cell"):
            if not self._said and self._value:
                self._pending = ""
                self.write(self._value)
            self.end_cell(empty=not self._said)
        elif name == "table-row":
            self.end_row()
        elif name in _LINES or _spoken(name, tag):
            self.end_paragraph()


def _spoken(name: str, tag: str) -> bool:
    return name in _SPOKEN or (name in _FORMULA and "MathML" in tag)


def _attribute(attributes: dict[str, str], wanted: str) -> str:
    return next((value for key, value in attributes.items() if local(key) == wanted), "")


def _count(attributes: dict[str, str], wanted: str) -> int:
    value = _attribute(attributes, wanted)
    return min(int(value), MAX_BLANKS) if value.isdecimal() else 1
