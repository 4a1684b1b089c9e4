"""What somebody does to a case who knows its files."""

from __future__ import annotations

import sqlite3


def flip(path, at=None):
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


def change(path, *statements):
    """Change a database as somebody would who knows its triggers."""
    with sqlite3.connect(path) as database:
        triggers = database.execute("select name, sql from sqlite_schema where type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"drop trigger {name}")
        for statement in statements:
            database.execute(*statement if isinstance(statement, tuple) else (statement,))
        for _, sql in triggers:
            database.execute(sql)
    database.close()
