"""Where a case stands: status."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from moisson.cli.output import CASE, JSON, console, line, lines, table
from moisson.export.coverage import Coverage, by_share, coverage, draw, sampled
from moisson.store.query import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = list[tuple[object, ...]]

_FILES = """select e.exhibit, e.n, coalesce(i.n, 0), coalesce(i.carved, 0), coalesce(i.bytes, 0) / 1e6 from
     (select exhibit, count(*) n from entries where kind != 'inode/directory' group by 1) e left join
     (select exhibit, count(*) filter (state != 'carved') n, count(*) filter (state = 'carved') carved, sum(size) bytes
      from items where sha256 != '' and parent = '' and role = '' group by 1) i using (exhibit) order by 1"""
_NOT_READ = "select exhibit, kind, count(*), min(address), min(detail) from failures group by 1, 2 order by 1, 2"
_FAILURES = "select address, kind, detail from failures order by address"


class State(NamedTuple):
    """All that is told of a case: rows of units, of files, of samples, of bytes looked at, of what was not read."""

    progress: Rows
    files: Rows
    samples: list[tuple[str, int, dict[str, int]]]
    media: list[Coverage]
    failures: Rows


@click.command()
@CASE
@JSON
@click.option("--failures", "every", is_flag=True, help="Every item that could not be read.")
@click.option("--picture", type=click.Path(path_type=Path), help="Draw what was looked at into this SVG file.")
def status(case: Path, as_json: bool, every: bool, picture: Path | None) -> None:
    """What is done, what is left, what was not read and why."""
    reader = Reader(case)
    progress: Rows = [(p.stage, p.state, p.units, p.cost) for p in reader.manifest.progress()]
    found = State(progress, reader.sql(_FILES), list(sampled(reader)), list(coverage(reader)), reader.sql(_NOT_READ))
    failures = reader.sql(_FAILURES) if every else []
    if as_json:
        _tell(found)
        lines(("type", "address", "kind", "detail"), [("failure", *row) for row in failures])
    else:
        _show(found)
        if failures:
            console.print()
            table(["kind", "because"], [(kind, why, where) for where, kind, why in failures], below="address")
    if picture is not None:
        draw(found.media, picture)


def _tell(found: State) -> None:
    """All of it as lines of JSON, told apart by their `type`."""
    lines(("type", "pass", "state", "units", "cost_mb"), [("progress", *row) for row in found.progress])
    names = ("type", "exhibit", "listed", "read", "carved", "mb_read")
    lines(names, [("files", *row) for row in found.files])
    lines(("type", "exhibit", "bytes", "estimated"), [("sample", *row) for row in found.samples])
    for c in found.media:
        swept, read = _sum(c.swept), _sum(c.read)
        sizes = {"bytes": c.size, "swept": swept, "read": read, "unseen": c.unseen, "kinds": c.kinds}
        line({"type": "medium", "exhibit": c.exhibit, "medium": c.medium} | sizes)
    lines(("type", "exhibit", "kind", "n", "address", "detail"), [("failures", *row) for row in found.failures])


def _show(found: State) -> None:
    table(["pass", "state", "units", "MB"], [(*row[:3], f"{row[3]:.1f}") for row in found.progress])
    if found.files:
        console.print()
        heads = ["exhibit", "files listed", "files read", "carved", "MB read"]
        table(heads, [(*row[:4], f"{row[4]:.1f}") for row in found.files])
    if found.samples:
        console.print()
        rows = [(exhibit, f"{size / 1e6:.1f}", _guess(size, kinds)) for exhibit, size, kinds in found.samples]
        table(["exhibit", "MB", "probably holds"], rows)
    if found.media:
        console.print()
        heads = ["medium", "MB", "swept", "in files read", "nothing looked at"]
        table(heads, [_medium(c) for c in found.media])
    if found.failures:
        console.print()
        table(
            ["exhibit", "not read", "items", "because"], [(*r[:3], r[4], r[3]) for r in found.failures], below="as in"
        )


def _guess(size: int, kinds: dict[str, int]) -> str:
    return ", ".join(f"{100 * n / max(1, size):.0f} % {k}" for k, n in by_share(kinds) if 200 * n >= size)


def _medium(c: Coverage) -> tuple[str, ...]:
    return c.medium, f"{c.size / 1e6:.1f}", _share(c.swept, c.size), _share(c.read, c.size), _holes(c)


def _sum(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(n for _, n in ranges)


def _share(ranges: Sequence[tuple[int, int]], size: int) -> str:
    return f"{100 * _sum(ranges) / max(1, size):.1f} %"


def _holes(found: Coverage) -> str:
    holes = sorted(found.unseen, key=lambda hole: -hole[1])
    shown = ", ".join(f"{at}+{n}" for at, n in holes[:2])
    return f"{_share(holes, found.size)}: {shown}{' …' if len(holes) > 2 else ''}" if holes else "none"
