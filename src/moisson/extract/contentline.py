"""Content lines, the common shape of vCard and iCalendar (RFC 6350, RFC 5545; vCard 2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from quopri import decodestring
from typing import TYPE_CHECKING

from moisson.extract.encoding import to_text
from moisson.extract.mime import unbase64

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINES = 2_000_000
MAX_DEPTH = 20
_NAME = re.compile(rb"(?:[A-Za-z0-9_-]{1,60}\.)?([A-Za-z0-9-]{1,60})")
_PARAM = re.compile(rb';([^=;:"]{1,80})(?:=((?:"[^"]*"|[^;:"])*))?')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(slots=True)
class Line:
    """One property: name in capitals, parameters, value with transfer encodings undone."""

    name: str
    params: dict[str, str]
    raw: bytes
    charset: str = ""

    @property
    def value(self) -> str:
        """The value as text, escapes left."""
        return to_text(self.raw, self.charset).replace("\0", "")

    @property
    def text(self) -> str:
        """The value as text, escapes undone."""
        return plain(self.value)

    @property
    def fields(self) -> list[str]:
        """The parts of a structured value."""
        return [plain(part) for part in re.split(r"(?<!\\);", self.value)]


@dataclass(slots=True)
class Block:
    """What stands between BEGIN and END."""

    kind: str
    lines: list[Line] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    closed: bool = False

    def get(self, name: str) -> Line | None:
        """The first property of that name."""
        return next((line for line in self.lines if line.name == name), None)

    def all(self, *names: str) -> Iterator[Line]:
        """Every property of these names."""
        return (line for line in self.lines if line.name in names)


def plain(value: str) -> str:
    """Undo backslash escapes."""
    return _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], value).strip() if "\\" in value else value.strip()


def _logical(raw: bytes) -> Iterator[bytes]:
    """Lines with foldings undone: RFC folding, soft breaks of quoted-printable, bare base64 tails of vCard 2.1."""
    current: bytes | None = None
    in_base64 = False
    for line in re.split(rb"\r\n|\n|\r", raw)[:MAX_LINES]:
        if current is not None and line[:1] in (b" ", b"\t") and line.strip():
            current += line[1:] if not in_base64 else line.strip()
            continue
        if current is not None and current.endswith(b"=") and b"QUOTED-PRINTABLE" in current[:300].upper():
            current = current[:-1] + line
            continue
        if current is not None and in_base64 and line and b":" not in line and b";" not in line:
            current += line.strip()
            continue
        if current:
            yield current
        current = line
        head = line.partition(b":")[0].upper()
        in_base64 = b"BASE64" in head or b"ENCODING=B" in head
    if current:
        yield current


def _line(raw: bytes) -> Line | None:
    if not (match := _NAME.match(raw)):
        return None
    params, at = dict[str, str](), match.end()
    while piece := _PARAM.match(raw, at):
        key, given = piece[1].strip().decode("latin-1").upper(), to_text((piece[2] or b"").strip(b'"'))
        if piece[2] is None:
            key, given = ("ENCODING" if key in ("QUOTED-PRINTABLE", "BASE64", "8BIT") else "TYPE"), key
        params[key] = f"{params[key]},{given}" if key in params else given
        at = piece.end()
    if raw[at : at + 1] != b":":
        return None
    value, how = raw[at + 1 :], params.get("ENCODING", "").upper()
    if how == "QUOTED-PRINTABLE":
        value = decodestring(value)
    elif how in ("BASE64", "B"):
        value = unbase64(value)
    return Line(match[1].decode("ascii").upper(), params, value, params.get("CHARSET", ""))


def parse(raw: bytes) -> list[Block]:
    """The outermost blocks; lines outside any block and lines that are none are passed over."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw.decode("utf-16", "replace").encode()
    found: list[Block] = []
    stack: list[Block] = []
    for text in _logical(raw.removeprefix(b"\xef\xbb\xbf")):
        line = _line(text.strip(b"\0"))
        if line is None:
            continue
        if line.name == "BEGIN" and len(stack) < MAX_DEPTH:
            block = Block(line.text.upper())
            (stack[-1].blocks if stack else found).append(block)
            stack.append(block)
        elif line.name == "END":
            kinds = [b.kind for b in stack]
            if line.text.upper() in kinds:
                while stack.pop().kind != line.text.upper():
                    pass
                _close(found, stack, line.text.upper())
        elif stack:
            stack[-1].lines.append(line)
    return found


def _close(found: list[Block], stack: list[Block], kind: str) -> None:
    below = stack[-1].blocks if stack else found
    if below and below[-1].kind == kind:
        below[-1].closed = True
