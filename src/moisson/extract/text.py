"""Plain text in any character set, and the formats that are text for machines: JSON, XML, separated values."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from moisson.extract.encoding import SAMPLE, decode, judge
from moisson.extract.markup import Sink, texts
from moisson.model import Fact, Flag, Passage
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Reader

_PIECE = 1 << 20
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_PLAIN = {'"': '"', "\\": "\\", "/": "/", "b": " ", "f": "\n", "n": "\n", "r": "", "t": "\t"}
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def stream(data: Reader) -> Iterator[tuple[str, str]]:
    """A text of any length piece by piece, each with the name of its character set."""
    head = data.head(_PIECE)
    charset, skip = judge(head, cut=data.size > len(head))
    decoder = codecs.getincrementaldecoder(charset)("replace")
    at = skip
    while at < data.size and (chunk := data.pread(at, _PIECE)):
        at += len(chunk)
        yield decoder.decode(chunk, final=at >= data.size).replace("\0", ""), charset


@step(
    "extract.text",
    version=1,
    kinds=(
        "text/plain",
        "text/csv",
        "text/tab-separated-values",
        "text/*",
        "application/x-subrip",
        "application/x-pem-file",
    ),
    reference="Unicode 16, WHATWG Encoding",
)
def read_text(data: Reader, keys: Sequence[str] = ()) -> Iterator[Passage | Fact]:
    """Text as it stands."""
    head = data.head(_PIECE)
    yield Fact("text.charset", judge(head, cut=data.size > len(head))[0])
    for text, _ in stream(data):
        yield Passage(text)


@step("extract.json", version=1, kinds=("application/json", "application/*+json"), reference="RFC 8259")
def read_json(data: Reader, keys: Sequence[str] = ()) -> Iterator[Passage | Fact]:
    """JSON, its escapes undone so that what people wrote can be found; also JSON within the strings of JSON."""
    rest = ""
    for text, _ in stream(data):
        rest += text
        if end := _cut(rest):
            yield Passage(unescape(rest[:end]))
            rest = rest[end:]
    if rest:
        yield Passage(unescape(rest))


def _cut(text: str) -> int:
    """The last place at which no escape can be split; 0 if there is none near the end."""
    end = len(text)
    for _ in range(1000):
        end = max(text.rfind(mark, 0, end) for mark in " ,\n")
        if end <= 0:
            break
        if "\\" not in text[max(0, end - 32) : end]:
            return end
    return len(text) if len(text) > 4 * _PIECE else 0


def unescape(text: str) -> str:
    """Undo the escapes of JSON strings wherever they stand, those of code units twice over."""
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _PLAIN[m[2]], text)
    if "\\u" in text:
        text = _UNICODE.sub(lambda m: chr(int(m[1], 16)), text)
    return _PAIR.sub(lambda m: m[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


class _Everything(Sink):
    """Every text and every value of an attribute, one element a line unless it stands within a sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = True

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        values = " ".join(v for v in attributes.values() if v and not v.isspace())
        if values:
            self.write(("" if self.broken else " ") + values + " ")
            self.broken = False

    def data(self, text: str) -> None:
        if text.isspace():
            if not self.broken:
                self.write("\n")
                self.broken = True
            return
        self.write(text)
        self.broken = False

    def end(self, tag: str) -> None:
        if not self.broken:
            self.write("\n")
            self.broken = True

    def comment(self, text: str) -> None:
        self.write(text + "\n")
        self.broken = True


@step(
    "extract.xml",
    version=1,
    kinds=(
        "application/xml",
        "application/*+xml",
        "image/svg+xml",
        "application/x-plist",
        "application/vnd.ms-word.xml",
        "application/vnd.ms-excel.xml",
        "application/vnd.ms-office.flat+xml",
    ),
    reference="XML 1.0, fifth edition",
)
def read_xml(data: Reader, keys: Sequence[str] = ()) -> Iterator[Passage | Fact | Flag]:
    """Texts, comments and values of attributes in the order of the file; where XML ends badly, the rest as text."""
    sink, seen = _Everything(), False
    for text in texts(data.chunks(SAMPLE), sink):
        seen = seen or not text.isspace()
        yield Passage(text)
    if sink.failed:
        yield Flag("damaged", sink.failed)
    if sink.failed or not seen:
        at = sink.consumed if seen else 0
        tail = data.pread(at, _PIECE * 16)
        yield Passage("\n" + re.sub(r"</?[A-Za-z][^<>]{0,500}>", "\n", decode(tail)[0]))
