"""How results are printed: lines of JSON for programs, tables for people, the same tables with tabs for pipes."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from moisson.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")
ALL, USUAL = 100_000, 50
CASE = click.argument("case", type=click.Path(file_okay=False, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="One record a line, as JSON.")
LIMIT = click.option(
    "--limit",
    type=click.IntRange(min=0),
    help=f"At most so many lines, 0 for all.  [default: {USUAL}; with --json all]",
)
_GAP, _LEAST, _WORD = 2, 12, 24
_JOINERS = "\u200c\u200d"
_LEFT_TO_RIGHT = "\u200e"

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def line(value: Any) -> None:
    """Print one value as a line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")


def lines(names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as lines of JSON with these names."""
    for row in rows:
        line(dict(zip(names, row, strict=True)))


def most(limit: int | None, as_json: bool) -> int:
    """How many lines are wanted."""
    if limit is None:
        return ALL if as_json else USUAL
    return min(limit, ALL) or ALL


def first(rows: Sequence[T], count: int) -> Sequence[T]:
    """The first lines; where more were found, that is said beside the output."""
    if len(rows) > count:
        aside(f"only the first {count} lines are shown; --limit 0 gives all")
    return rows[:count]


def aside(text: str) -> None:
    """Say something that is no part of the result."""
    click.echo(text, err=True)


def clean(value: object, longest: int = 0) -> str:
    """Text of the evidence made safe for a terminal: no control characters, no direction marks, one line."""
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" and c not in _JOINERS else c for c in str(value))
    return text if not longest or len(text) <= longest else text[: longest - 1] + "…"


def folder(path: Path) -> Path:
    """A folder to write into, made when it is not there; raises `UsageError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be made or is no folder ({error.strerror})") from error
    return path


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, below: str = "", nothing: str = "") -> None:
    """Print rows for people; every cell is cleaned.

    On a terminal long cells wrap, and a last value named `below` stands in full under its row, to be copied. Elsewhere
    each row is one line, cells parted by tabs and never cut. `nothing` is said when there is no row.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    head = [*columns, below] if below else [*columns]
    if not cells and nothing:
        aside(nothing)
    if not console.is_terminal:
        for row in (head, *cells):
            click.echo("\t".join(row))
    elif cells or not nothing:
        _draw(columns, cells)


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    wide = _widths([columns, *(row[: len(columns)] for row in rows)], console.width)
    _row(columns, wide, "bold")
    for row in rows:
        _row(row[: len(columns)], wide, "")
        for value in row[len(columns) :]:
            console.print(Text(f"  {value}", "dim"), soft_wrap=True)


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths of columns; what does not fit is taken from the widest, from columns of short words last."""
    columns = list(zip(*rows, strict=True))
    wide = [max(map(cell_len, column)) for column in columns]
    words = [min(_WORD, max((cell_len(w) for cell in column for w in cell.split()), default=0)) for column in columns]
    over = sum(wide) + _GAP * (len(wide) - 1) - room
    for floors in (words, [0] * len(wide)):
        while over > 0 and (able := [n for n, w in enumerate(wide) if w > max(_LEAST, floors[n])]):
            wide[max(able, key=wide.__getitem__)] -= 1
            over -= 1
    return wide


def _row(cells: Sequence[str], wide: Sequence[int], style: str) -> None:
    """One row in as many lines as its longest cell takes.

    A mark after right-to-left text keeps what follows it in its column on terminals that reorder lines.
    """
    wrapped = [_wrap(cell, width) for cell, width in zip(cells, wide, strict=True)]
    for n in range(max(map(len, wrapped))):
        parts = [column[n] if n < len(column) else "" for column in wrapped]
        marked = [part + (_LEFT_TO_RIGHT if _turns(part) else "") for part in parts]
        padded = [mark + " " * (width - cell_len(part)) for mark, part, width in zip(marked, parts, wide, strict=True)]
        console.print(Text((" " * _GAP).join(padded).rstrip(" "), style), soft_wrap=True)


def _wrap(cell: str, width: int) -> list[str]:
    found = [part.plain.rstrip() for part in Text(cell).wrap(console, width, overflow="fold")]
    return found or [""]


def _turns(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text)
