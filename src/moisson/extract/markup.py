"""XML of any length and any quality, as a stream of events: no tree, no entities, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE = 1 << 16
_locals: dict[str, str] = {}


def local(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    name = _locals.get(tag)
    if name is None:
        name = tag.rpartition("}")[2]
        if len(_locals) < 20_000:
            _locals[tag] = name
    return name


class Sink:
    """What listens to the events of XML: overrides of `start`, `data` and `end` call `write`.

    `failed` says in words why reading stopped early, `consumed` how many bytes had been given by then.
    """

    def __init__(self) -> None:
        self.out: list[str] = []
        self.failed = ""
        self.consumed = 0

    def write(self, text: str) -> None:
        self.out.append(text)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def data(self, text: str) -> None:
        """Characters."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def comment(self, text: str) -> None:
        """A comment."""

    def close(self) -> None:
        """The document ends."""


class Rows(Sink):
    """A sink for text with tables: a row is a line, a paragraph inside a cell ends with a blank if more follows."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = 0
        self.targets: list[str] = []
        self._pending = ""

    def write(self, text: str) -> None:
        if self._pending:
            self.out.append(self._pending)
            self._pending = ""
        self.out.append(text)

    def end_paragraph(self) -> None:
        """Write where the links of the paragraph lead, and end it."""
        if self.targets:
            self.write(" " + " ".join(self.targets))
            self.targets = []
        if self.cells:
            self._pending = " "
        else:
            self.write("\n")

    def end_cell(self, *, empty: bool = False) -> None:
        """Leave a cell; an empty one takes no room."""
        self.cells -= 1
        self._pending = ""
        if not empty:
            self.out.append("\t")

    def end_row(self) -> None:
        """End the line."""
        self._pending = ""
        self.out.append("\n")


def texts(chunks: Iterable[bytes], sink: Sink, encoding: str | None = None) -> Iterator[str]:
    """Feed XML to a sink and give what it wrote, piece by piece; damage is overlooked as long as that goes on well."""
    for _ in parse(chunks, sink, encoding):
        if sink.out:
            yield "".join(sink.out)
            sink.out.clear()


def parse(chunks: Iterable[bytes], sink: Sink, encoding: str | None = None) -> Iterator[None]:
    """Feed XML to a sink, pausing after every piece."""
    parser = _parser(sink, encoding)
    try:
        for chunk in chunks:
            for at in range(0, len(chunk), PIECE):
                parser.feed(chunk[at : at + PIECE])
                sink.consumed += len(chunk[at : at + PIECE])
                yield
        parser.close()
    except (etree.LxmlError, ValueError, AssertionError, LookupError) as why:
        sink.failed = str(why)[:200] or type(why).__name__
    yield


def run(data: bytes, sink: Sink) -> None:
    """Feed XML in memory to a sink that keeps what it wants itself."""
    for _ in parse((data,), sink):
        pass


def _parser(sink: Sink, encoding: str | None) -> Any:
    return etree.XMLParser(
        target=sink, recover=True, resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False,
        encoding=encoding,
    )  # fmt: skip
