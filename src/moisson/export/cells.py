"""Cells of tables for a spreadsheet."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"\s*(?:[=@＝＠＋－]|[+-](?![0-9 .]*\Z))|[\t\r\n]")


def harmless(cell: object) -> object:
    """A cell that no spreadsheet runs: text that would be a formula gets a quotation mark before it."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
