"""The listing of a volume: an entry as an item, a published slice of them, and an item as the child is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from moisson.engine.messages import Wanted
from moisson.model import Item
from moisson.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from moisson.evidence.filesystem import Entry


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


def item_of(base: str, scheme: str, entry: Entry) -> Item:
    """An entry of the volume at `base`."""
    return Item(
        f"{base}/{scheme}:{entry.locator}",
        "evidence.filesystem@1",
        entry.name,
        entry.path,
        "inode/directory" if entry.directory else "",
        entry.size,
        state=entry.state,
        modified=entry.modified,
        accessed=entry.accessed,
        changed=entry.changed,
        created=entry.created,
        flags=entry.flags,
        meta={"slack": entry.slack} if entry.slack else {},
    )


def joined(base: str, scheme: str, name: str, parts: Sequence[Entry]) -> Item:
    """An archive whose parts are entries of the volume at `base`, as one item: `first/joined:second,third`."""
    first, *others = parts
    locators = ",".join(entry.locator.replace(",", "%2C") for entry in others)
    parent = f"{base}/{scheme}:{first.locator}"
    return Item(
        f"{parent}/joined:{locators}",
        "evidence.filesystem@1",
        name,
        first.path[: len(first.path) - len(first.name)] + name,
        size=sum(entry.size for entry in parts),
        modified=first.modified,
        accessed=first.accessed,
        changed=first.changed,
        created=first.created,
        parent=parent,
        role="joined",
    )


def wanted(item: Item) -> Wanted:
    """What the child is told of an item that it should read."""
    slack = item.meta.get("slack", 0)
    times = item.modified, item.accessed, item.changed, item.created
    slack = slack if isinstance(slack, int) else 0
    return Wanted(
        item.address,
        item.name,
        item.path,
        item.size,
        item.state,
        item.flags,
        *times,
        slack,
        parent=item.parent,
        role=item.role,
    )
