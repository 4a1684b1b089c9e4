"""Electronic books: EPUB and FictionBook."""

from __future__ import annotations

import base64
import binascii
import posixpath
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from moisson.address import named
from moisson.errors import DamagedError, LimitError
from moisson.extract.html import page_text, read_markup
from moisson.extract.markup import PIECE, Sink, local, run, texts
from moisson.extract.package import Package
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Flag | Child
_PAGES = (".xhtml", ".html", ".htm", ".xml")
_IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".svg", ".webp", ".mp3", ".mp4", ".pdf")
_MAX_BINARY = 32 << 20


class _Container(Sink):
    """Where the package document is, what it says of the book, and the order of its pages (EPUB 3.3 §5)."""

    def __init__(self) -> None:
        super().__init__()
        self.root = ""
        self.items: dict[str, str] = {}
        self.spine: list[str] = []
        self.facts: list[Fact] = []
        self._text = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        self._text = ""
        if name == "rootfile":
            self.root = self.root or attributes.get("full-path", "")
        elif name == "item":
            self.items[attributes.get("id", "")] = attributes.get("href", "")
        elif name == "itemref":
            self.spine.append(attributes.get("idref", ""))

    def data(self, text: str) -> None:
        if len(self._text) < 4000:
            self._text += text

    def end(self, tag: str) -> None:
        name, value = local(tag), self._text.strip()
        keys = (
            "title",
            "creator",
            "publisher",
            "date",
            "language",
            "identifier",
            "description",
            "subject",
            "contributor",
        )
        if "purl.org" in tag and name in keys and value:
            self.facts.append(Fact(f"book.{'author' if name == 'creator' else name}", value))
        self._text = ""


@step("extract.epub", version=1, kinds=("application/epub+zip",), reference="EPUB 3.3")
def read_epub(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The pages of the book in their order, its title and authors, its pictures."""
    package = Package(data)
    if package.damage:
        yield Flag("damaged", package.damage)
    if "META-INF/encryption.xml" in package:
        yield Flag("encrypted", "some parts")
    book = _Container()
    run(package.read("META-INF/container.xml", 1 << 20), book)
    run(package.read(book.root, 8 << 20), book)
    yield from book.facts
    pages = [_resolve(book.root, book.items[i]) for i in book.spine if i in book.items]
    rest = [n for n in package.names if n.casefold().endswith(_PAGES) and not n.casefold().startswith("meta-inf/")]
    if not pages and not rest:
        raise DamagedError("no page of a book")
    for number, name in enumerate(dict.fromkeys([*pages, *(n for n in rest if n != book.root)]), 1):
        try:
            raw = package.read(name)
        except LimitError as why:
            yield Flag("truncated", str(why))
            continue
        if raw:
            yield from _page(raw, number)
    yield from (package.child(n) for n in package.names if n.casefold().endswith(_IMAGES))


def _page(raw: bytes, number: int) -> Iterator[Passage]:
    texts = [piece.text for piece in read_markup(page_text(raw)[0]) if isinstance(piece, Passage)]
    yield Passage("".join(texts) + "\n", f"chapter:{number}")


def _resolve(base: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), unquote(target.partition("#")[0]))).lstrip(
        "/"
    )


class _Fiction(Sink):
    """A FictionBook: its description as facts, its sections as text, its binaries aside."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Fact] = []
        self.binaries: list[tuple[str, str]] = []
        self._path: list[str] = []
        self._name, self._data = "", []
        self._author: list[str] = []
        self._words: list[str] = []
        self._size = 0

    _data: list[str]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        self._path.append(name)
        if name == "binary":
            self._name, self._data = attributes.get("id", ""), []
        elif name == "a":
            target = next((v for k, v in attributes.items() if local(k) == "href"), "")
            if target and not target.startswith("#"):
                self.write(f" {target} ")

    def data(self, text: str) -> None:
        if self._path and self._path[-1] == "binary":
            self._size += len(text)
            if self._size < _MAX_BINARY:
                self._data.append(text)
            return
        if text.isspace() and "p" not in self._path:
            return
        self.write(text)
        if "description" in self._path and len(self._words) < 1000:
            self._words.append(text)

    def end(self, tag: str) -> None:
        name = local(tag)
        words, self._words = "".join(self._words).strip(), []
        if self._path:
            self._path.pop()
        if name == "book-title" and words:
            self.facts.append(Fact("book.title", words))
        elif "author" in self._path and words:
            self._author.append(words)
        if name == "binary":
            self.binaries.append((self._name, "".join(self._data)))
        elif name == "author" and self._author:
            self.facts.append(Fact("book.author", " ".join(self._author)))
            self._author = []
        if name not in ("strong", "emphasis", "a", "style", "sub", "sup", "code", "binary"):
            self.write("\n")


@step("extract.fictionbook", version=1, kinds=("application/x-fictionbook+xml",), reference="FictionBook 2.1")
def read_fictionbook(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The text of the book, its title and authors, its pictures."""
    sink = _Fiction()
    for text in texts(data.chunks(PIECE), sink):
        yield Passage(text)
    yield from sink.facts
    if sink.failed:
        yield Flag("damaged", sink.failed)
    for name, encoded in sink.binaries[:10_000]:
        try:
            raw = base64.b64decode(encoded)
        except (binascii.Error, ValueError):
            continue
        yield Child(name, named("fb", name), partial(Reader.of, raw), len(raw), "embedded")
