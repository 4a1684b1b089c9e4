"""How results are printed: lines of JSON for programs, tables for people."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CASE = click.argument("case", type=click.Path(file_okay=False, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="One record a line, as JSON.")
LIMIT = click.option("--limit", default=50, show_default=True, help="At most so many lines.")

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def line(value: Any) -> None:
    """Print one value as a line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")


def clean(value: object, most: int = 0) -> str:
    """Text of the evidence made safe for a terminal: no control characters, no direction marks, one line."""
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in str(value))
    return text if not most or len(text) <= most else text[: most - 1] + "…"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print rows for people; every cell is cleaned."""
    grid = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(Text(clean(cell)) for cell in row))
    console.print(grid)
