"""The Office formats before 2007: Word, Excel and PowerPoint in compound files, and compound files of any kind."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, PasswordError
from moisson.extract import oldbook, oldslides, oldword
from moisson.extract.compound import Compound, embedded
from moisson.extract.encoding import decode
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Flag | Child
_BROKEN = (struct.error, IndexError, KeyError, ValueError, TypeError, OverflowError, RecursionError)
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")


@step("extract.doc", version=1, kinds=("application/msword",), reference="[MS-DOC]")
def read_doc(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Body, notes, headers, comments and boxes of a Word document, its properties and its objects."""
    with Compound(data) as file:
        yield from file.facts()
        yield from _guarded(oldword.read_words(file, keys))
        yield from embedded(file, ("ObjectPool",))
        yield from macros(file)


@step("extract.xls", version=1, kinds=("application/vnd.ms-excel",), reference="[MS-XLS]")
def read_xls(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Every sheet of a workbook row by row, comments, links and headers, its properties and its objects."""
    if data.head(8) != _COMPOUND:
        yield from _guarded(oldbook.read_records(data.whole(64 << 20), keys))
        return
    with Compound(data) as file:
        yield from file.facts()
        yield from _guarded(oldbook.read_book(file, keys))
        folders = tuple(dict.fromkeys(p.partition("/")[0] for p in file.paths if p.startswith("MBD")))
        yield from embedded(file, folders)
        yield from macros(file)


@step("extract.ppt", version=1, kinds=("application/vnd.ms-powerpoint",), reference="[MS-PPT]")
def read_ppt(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The text of all slides and notes of a presentation, its links, its properties, its pictures and objects."""
    with Compound(data) as file:
        yield from file.facts()
        yield from _guarded(oldslides.read_slides(file, keys))
        yield from _guarded(oldslides.children(file, keys))


@step(
    "extract.compound",
    version=1,
    kinds=(
        "application/x-ole-storage",
        "application/x-mspublisher",
        "application/vnd.visio",
        "application/vnd.ms-project",
        "application/vnd.ms-works",
        "application/x-hwp",
    ),
    reference="[MS-CFB]",
)
def read_compound(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """A compound file whose format no other reader knows: the readable runs of its streams, and its properties."""
    from moisson.extract.strings import read_strings

    with Compound(data) as file:
        yield from file.facts()
        for path in file.paths[:2000]:
            if not path.startswith("\x05"):
                content = file.read(path)
                yield from read_strings(Reader.of(content))


def _guarded(pieces: Iterator[Piece]) -> Iterator[Piece]:
    try:
        yield from pieces
    except PasswordError:
        yield Flag("encrypted")
        yield Flag("password")
        raise
    except _BROKEN as why:
        raise DamagedError(f"{type(why).__name__}: {why}") from why


def macros(file: Compound) -> Iterator[Piece]:
    """The source of macros ([MS-OVBA] 2.3.4), which may hold addresses that nothing else does."""
    from moisson.extract.macros import source

    found = False
    for path in file.paths:
        parts = path.split("/")
        if len(parts) > 1 and parts[-2].upper() == "VBA" and parts[-1].casefold() not in ("dir", "_vba_project"):
            content = file.read(path)
            if text := source(content):
                found = True
                yield Passage(decode(text)[0] + "\n", "macro")
    if found:
        yield Flag("macros")
