"""Rich Text Format: text in its order and character sets, fields, notes; pictures and objects as children."""

from __future__ import annotations

import re
import struct
import tomllib
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING

from moisson.address import named
from moisson.errors import DamagedError
from moisson.extract.charset import codec
from moisson.extract.compound import native
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Flag | Child
MAX_DEPTH = 2000
MAX_CHILDREN = 10_000
_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\", re.DOTALL
)
_TABLES = tomllib.loads((resources.files(__package__) / "rtf.toml").read_text("utf-8"))
_SILENT, _SPOKEN, _INFO = (frozenset(_TABLES[name]) for name in ("silent", "spoken", "info"))
_NAMED: dict[str, str] = _TABLES["named"]
_BLIPS: dict[str, str] = _TABLES["blips"]
_WORDS: dict[str, str] = _TABLES["words"]
_CHARSETS: dict[int, str] = {int(number): name for number, name in _TABLES["charsets"].items()}
_SYMBOLS = {"~": "\xa0", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n", "\t": "\t"}


@dataclass(slots=True)
class _Group:
    """What holds inside one pair of braces."""

    dest: str = "text"
    uc: int = 1
    font: int = -1
    other_font: int = -1
    right: bool = False
    hidden: bool = False


@step("extract.rtf", version=1, kinds=("application/rtf", "text/rtf"), reference="Rich Text Format 1.9.1")
def read_rtf(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Text, properties, pictures and objects."""
    raw = data.whole(128 << 20)
    if b"{\\rt" not in raw[:64]:
        raise DamagedError("no RTF")
    walk = _Walk(raw.decode("latin-1"))
    yield from walk.pieces()


class _Walk:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.group = _Group()
        self.stack: list[_Group] = []
        self.page = "cp1252"
        self.fonts: dict[int, str] = {}
        self.font = 0
        self.default = -1
        self.out: list[str] = []
        self.bytes = bytearray()
        self.skip = 0
        self.star = False
        self.hex: list[str] = []
        self.blip = "bin"
        self.note: list[str] = []
        self.found: list[Fact | Child] = []
        self.count = 0
        self.too_deep = False
        self.key = "comments"

    def pieces(self) -> Iterator[Piece]:
        source, size, match = self.source, len(self.source), _TOKEN.match
        while self.at < size and (m := match(source, self.at)):
            self.at = m.end()
            self._token(m)
            if len(self.out) > 4000 or self.found:
                yield from self._drain()
        self._flush()
        yield from self._drain()
        if self.stack and not self.source.rstrip("\0\r\n ").endswith("}"):
            yield Flag("truncated", "groups are left open")
        if self.too_deep:
            yield Flag("damaged", f"groups deeper than {MAX_DEPTH}")

    def _drain(self) -> Iterator[Piece]:
        if self.out:
            self._flush()
            text = "".join(self.out)
            self.out = []
            if text and "\ud800" <= text[-1] <= "\udbff":
                text, self.out = text[:-1], [text[-1]]
            yield Passage(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
        yield from self.found
        self.found = []

    def _token(self, m: re.Match[str]) -> None:
        word, number, code, symbol, brace, plain = m.groups()
        if plain is not None:
            self._plain(plain)
        elif code is not None:
            if self.skip:
                self.skip -= 1
            elif self._audible():
                self.bytes.append(int(code, 16))
        elif word is not None:
            self._word(word, int(number) if number else None)
        elif brace is not None:
            self._brace(brace)
        elif symbol == "*":
            self.star = True
        elif symbol is not None and symbol in _SYMBOLS:
            self._write(_SYMBOLS[symbol])

    def _audible(self) -> bool:
        group = self.group
        return group.dest in ("text", "info", "font") and not group.hidden

    def _plain(self, text: str) -> None:
        if self.group.dest in ("pict", "objdata"):
            self.hex.append(text)
            return
        if self.skip:
            cut = min(self.skip, len(text))
            text, self.skip = text[cut:], self.skip - cut
        if text and self._audible():
            self.bytes += text.encode("latin-1")

    def _write(self, text: str) -> None:
        if self.skip:
            self.skip -= 1
        elif self._audible():
            self._flush()
            (self.note if self.group.dest == "info" else self.out).append(text)

    def _flush(self) -> None:
        """Give the collected bytes their characters, by the font they are in."""
        if not self.bytes:
            return
        text = self.bytes.decode(self._charset(), "replace")
        self.bytes.clear()
        if self.group.dest == "info":
            self.note.append(text)
        elif self.group.dest == "text":
            self.out.append(text)

    def _charset(self) -> str:
        group = self.group
        font = group.other_font if group.right and group.other_font >= 0 else group.font
        return self.fonts.get(font if font >= 0 else self.default, self.page)

    def _brace(self, brace: str) -> None:
        self._flush()
        self.skip, self.star = 0, False
        if brace == "{":
            if len(self.stack) < MAX_DEPTH:
                self.stack.append(self.group)
                self.group = replace(self.group)
            else:
                self.too_deep = True
            return
        before = self.group
        if self.stack:
            self.group = self.stack.pop()
        if before.dest != self.group.dest:
            self._close(before.dest)

    def _close(self, dest: str) -> None:
        if dest in ("pict", "objdata"):
            raw, self.hex = _bytes(self.hex), []
            if raw and self.count < MAX_CHILDREN:
                self.count += 1
                self.found.append(_child(dest, raw, self.count, self.blip))
        elif dest == "info":
            text, self.note = "".join(self.note).strip(), []
            if text:
                self.found.append(Fact(f"office.{self.key}", text))

    def _word(self, word: str, number: int | None) -> None:
        if word == "u" and number is not None:
            self._unicode(number)
        elif word in _WORDS:
            self._write(_WORDS[word])
        elif word == "bin":
            self.at = min(len(self.source), self.at + max(0, number or 0))
        elif word in ("f", "af", "fcharset", "deff", "ansicpg", "mac", "pc", "pca", "cpg"):
            self._flush()
            self._font(word, number or 0)
        elif word in _BLIPS:
            self.blip = _BLIPS[word]
        elif word in ("uc", "v", "htmlrtf", "plain", "ltrch", "rtlch"):
            self._flush()
            self._mode(word, number)
        else:
            self._destination(word)
        self.star = False

    def _unicode(self, number: int) -> None:
        if self._audible():
            self._flush()
            code = number & 0xFFFF if number < 0 else number
            if 0xF000 <= code <= 0xF0FF:  # symbol fonts put their characters there
                code -= 0xF000
            if 0 < code < 0x110000:
                (self.note if self.group.dest == "info" else self.out).append(chr(code) if code > 8 else "")
        self.skip = self.group.uc

    def _font(self, word: str, number: int) -> None:
        if word == "f" and self.group.dest == "font":
            self.font = number
        elif word == "f":
            self.group.font = number
        elif word == "af":
            self.group.other_font = number
        elif word == "fcharset" and number in _CHARSETS:
            self.fonts[self.font] = _CHARSETS[number]
        elif word == "deff":
            self.default = number
        elif word in ("ansicpg", "cpg"):
            self._page(word, number)
        elif word in ("mac", "pc", "pca"):
            self.page = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]

    def _page(self, word: str, number: int) -> None:
        name = codec("utf-8" if number == 65001 else f"cp{number}")
        if name and word == "ansicpg":
            self.page = name
        elif name:
            self.fonts[self.font] = name

    def _mode(self, word: str, number: int | None) -> None:
        if word == "uc":
            self.group.uc = min(max(number if number is not None else 1, 0), 16)
        elif word == "htmlrtf":
            self.group.hidden = number != 0
        elif word == "plain":
            self.group.font, self.group.right = -1, False
        elif word in ("ltrch", "rtlch"):
            self.group.right = word == "rtlch"

    def _destination(self, word: str) -> None:
        """Enter a destination: what is neither text nor known, and may be ignored, is."""
        group = self.group
        if group.dest in ("silent", "pict", "objdata") and word not in ("pict", "objdata"):
            return
        if word in ("pict", "objdata"):
            self._flush()
            group.dest, self.hex = word, []
            self.blip = "bin"
        elif word == "fonttbl":
            group.dest = "font"
        elif word in _INFO and group.dest == "info":
            self.key = _NAMED.get(word, word)
        elif word == "info":
            group.dest = "silent_info"
        elif group.dest == "silent_info" and word in _INFO:
            group.dest = "info"
            self.key = _NAMED.get(word, word)
        elif word in _SILENT or (self.star and word not in _SPOKEN):
            self._flush()
            group.dest = "silent"
        elif word in ("fldinst", "footnote", "header", "footer", "annotation", "shptxt"):
            self._write(" " if word == "fldinst" else "\n")


def _bytes(parts: list[str]) -> bytes:
    digits = re.sub(r"[^0-9a-fA-F]", "", "".join(parts))
    return bytes.fromhex(digits[: len(digits) & ~1])


def _child(dest: str, raw: bytes, number: int, blip: str) -> Child:
    if dest == "pict":
        return Child(
            f"picture{number}.{blip}", named("rtf", f"{number}"), partial(Reader.of, raw), len(raw), "embedded"
        )
    name, content = _object(raw)
    return Child(
        name or f"object{number}", named("rtf", f"{number}"), partial(Reader.of, content), len(content), "embedded"
    )


def _object(raw: bytes) -> tuple[str, bytes]:
    """Name and bytes of an embedded object ([MS-OLEDS] 2.2.5); the raw bytes if it is anything else."""
    try:
        at, names = 8, []
        if struct.unpack_from("<I", raw, 4)[0] != 2:
            return "", raw
        for _ in range(3):
            (size,) = struct.unpack_from("<I", raw, at)
            names.append(raw[at + 4 : at + 4 + size].rstrip(b"\0").decode("latin-1"))
            at += 4 + size
        (size,) = struct.unpack_from("<I", raw, at)
    except struct.error:
        return "", raw
    content = raw[at + 4 : at + 4 + size]
    if packed := native(len(content).to_bytes(4, "little") + content):
        return packed
    return (names[0] if names[0] != "Package" else ""), content
