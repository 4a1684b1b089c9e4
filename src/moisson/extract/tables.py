"""The tables that a SQLite database declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from moisson.extract.btree import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.extract.btree import Pages

_TABLES = 2000
_COLUMN = re.compile(r"\s*(?:\"((?:[^\"]|\"\")+)\"|\[([^\]]+)\]|`([^`]+)`|'([^']+)'|(\w+))")
_KEY = re.compile(r"(?i)^[^(]*\([^,()]*\bINTEGER\s+PRIMARY\s+KEY")
_CONSTRAINT = ("constraint", "primary", "unique", "check", "foreign")


class Table(NamedTuple):
    """A table as the schema declares it."""

    name: str
    root: int
    columns: tuple[str, ...]
    shape: Shape = Shape()


def schema(pages: Pages) -> Iterator[Table]:
    """The tables with pages of their own, out of the schema's own rows."""
    given = 0
    for number, raw in pages.walk(1):
        for row in pages.rows(number, raw):
            kind, name, _, root, sql = (list(row.values) + [None] * 5)[:5]
            if kind == "table" and isinstance(name, str) and isinstance(root, int) and root > 0 and given < _TABLES:
                given += 1
                columns = _columns(sql if isinstance(sql, str) else "")
                yield Table(name, root, columns, Shape(len(columns), bool(_KEY.search(str(sql)))))


def _columns(sql: str) -> tuple[str, ...]:
    """The names of the columns in a CREATE TABLE statement."""
    body = sql[sql.find("(") + 1 : sql.rfind(")")]
    parts, depth, start = [], 0, 0
    for m in re.finditer(r"[(),]|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*", body[:100_000]):
        depth += {"(": 1, ")": -1}.get(m[0], 0)
        if m[0] == "," and not depth:
            parts.append(body[start : m.start()])
            start = m.end()
    parts.append(body[start:])
    names: list[str] = []
    for part in parts:
        found = _COLUMN.match(re.sub(r"--[^\n]*|/\*.*?\*/", "", part, flags=re.DOTALL))
        if found and not (found[5] and found[5].lower() in _CONSTRAINT):
            names.append(next(group for group in found.groups() if group))
    return tuple(names)
