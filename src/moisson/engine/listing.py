"""A slice of a published listing: the rows that one unit reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from moisson.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moisson.model import Item


def read_items(segment: Path, start: int, count: int) -> Iterator[Item]:
    """Items `start` to `start + count` of a segment, in the order they were written."""
    with pq.ParquetFile(segment / "items.parquet") as file:
        first, table = 0, schema.TABLES["items"]
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if first + rows > start and first < start + count:
                low = max(0, start - first)
                for row in file.read_row_group(group).slice(low, start + count - first - low).to_pylist():
                    yield schema.record(table, row)
            first += rows
