"""Looking at what was found: search, sightings, events, show."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.text import Text as Line

from moisson.address import Address
from moisson.cli.output import ALL, CASE, JSON, LIMIT, aside, clean, console, first, line, lines, most, table
from moisson.engine.case import Case
from moisson.errors import UsageError
from moisson.model import Item, Text
from moisson.selectors import find, kinds
from moisson.store.meant import alike, readings
from moisson.store.query import Reader
from moisson.times import Instant

if TYPE_CHECKING:
    from pathlib import Path

    from moisson.store.hits import Hit

_SIGHTINGS = """select s.kind, s.value, s.raw, s.exhibit, s.address, coalesce(i.path, '') path, s.context, s.role,
        s.confidence, s.run
    from sightings s left join items i on i.address = s.item and i.exhibit = s.exhibit
    where (?1 is null or s.kind = ?1) and (?2 is null or s.exhibit = ?2) and (?3 is null or list_contains(?3, s.value))
    order by s.kind, s.value, s.address limit ?4"""
_EVENTS = """select when_ns, when_precision, when_zone, kind, app, parties, text, exhibit, address from events
    where (?1 is null or exhibit = ?1) and (?2 is null or kind = ?2)
        and (?3 is null or when_ns >= ?3) and (?4 is null or when_ns < ?4)
    order by when_ns nulls last, address limit ?5"""


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@CASE
@click.argument("query", nargs=-1, required=True)
@LIMIT
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Skip so many hits.")
@click.option("--sort", type=click.Choice(["relevance", "time", "path", "size"]), default="relevance")
@click.option("--facets", is_flag=True, help="Count the hits by exhibit, kind, state, language … instead.")
@JSON
def search(
    case: Path, query: tuple[str, ...], limit: int | None, offset: int, sort: str, facets: bool, as_json: bool
) -> None:
    """Words, "phrases", prefix*, -without and fields; Arabic folded.

    The fields are kind: lang: exhibit: state: ext: year: path: date: size: sel: name: and exact:. A number or an
    address for mail is found in any writing, name:"Abou Nour" in any spelling.
    """
    reader, asked = Reader(case), " ".join(query)
    if facets:
        _facets(reader, asked, most(limit, as_json), as_json)
        return
    wanted = most(limit, as_json)
    result = reader.search(asked, wanted, offset, sort)
    for hit in result.hits:
        if as_json:
            line(hit)
        else:
            _hit(hit)
    if as_json:
        return
    last = offset + len(result.hits)
    aside(f"{result.total} items" + (f", {offset + 1} to {last} shown" if 0 < len(result.hits) < result.total else ""))


def _facets(reader: Reader, query: str, wanted: int, as_json: bool) -> None:
    rows = [(f, value, n) for f, counts in reader.facets(query).items() for value, n in list(counts.items())[:wanted]]
    if as_json:
        lines(("facet", "value", "n"), rows)
    else:
        table(["facet", "value", "items"], rows, nothing="nothing was found")


def _hit(hit: Hit) -> None:
    """One answer: where it is, its address, and the words in their place."""
    about = f"{hit.kind} {hit.state}".strip()
    head = Line.assemble((hit.exhibit, "bold"), " ", clean(hit.path), "  ", (about, "dim"))
    if hit.mtime:
        head.append(f" {str(hit.mtime)[:10]}", "dim")
    console.print(head, soft_wrap=True)
    console.print(Line(f"  {clean(hit.address)}", "dim"), soft_wrap=True)
    if hit.snippet:
        snippet = Line(clean(hit.snippet))
        for start, end in hit.marks:
            snippet.stylize("bold", start, end)
        console.print(Line("  ") + snippet, soft_wrap=True)


@click.command()
@CASE
@click.argument("value", required=False)
@click.option("--kind", help="Only this kind: phone, email, iban, …")
@click.option("--exhibit", help="Only on this exhibit.")
@LIMIT
@JSON
def sightings(
    case: Path, value: str | None, kind: str | None, exhibit: str | None, limit: int | None, as_json: bool
) -> None:
    """Where selectors were seen; VALUE in any written form."""
    opened, wanted = Case(case), most(limit, as_json)
    _known(opened, exhibit)
    values = _readings(opened, value, kind) if value else None
    rows = first(opened.store.sql(_SIGHTINGS, kind, exhibit, values, min(wanted + 1, ALL)), wanted)
    if not rows and kind and kind not in kinds.KINDS:
        raise UsageError(f"no kind of selector {kind}; there are {', '.join(sorted(kinds.KINDS))}")
    if as_json:
        lines(("kind", "value", "raw", "exhibit", "address", "path", "context", "role", "confidence", "run"), rows)
        return
    shown = [(r[0], r[1], r[3], r[5], r[4]) for r in rows]
    nothing = f"{value} was not seen" if value else "no selector was seen"
    table(["kind", "value", "exhibit", "file"], shown, below="address", nothing=nothing)


def _known(opened: Case, exhibit: str | None) -> None:
    if exhibit is not None and exhibit not in opened.exhibits:
        raise UsageError(f"no exhibit {exhibit} in this case; there are {', '.join(opened.exhibits) or 'none'}")


def _readings(opened: Case, value: str, kind: str | None) -> list[str]:
    """All values that may be meant by what was typed; of names, their other spellings in this case."""
    context = find.Context(regions=opened.settings.regions, languages=opened.settings.languages)
    found = {value, *(v for _, v in readings(value, context, kind or ""))} if kind in (None, *kinds.KINDS) else {value}
    if kind in (None, "name"):
        found.update(alike(value, opened.store.values("name")))
    return sorted(found)


@click.command()
@CASE
@click.option("--exhibit", help="Only on this exhibit.")
@click.option("--kind", help="message, call, photograph, appointment, …")
@click.option("--from", "start", default="", help="From this day on (2024-01-31).")
@click.option("--to", "end", default="", help="Up to this day.")
@LIMIT
@JSON
def events(
    case: Path, exhibit: str | None, kind: str | None, start: str, end: str, limit: int | None, as_json: bool
) -> None:
    """Messages, calls, photographs, appointments: a timeline."""
    opened, wanted = Case(case), most(limit, as_json)
    _known(opened, exhibit)
    days = _day(start), _day(end, 86_400_000_000_000)
    rows = first(opened.store.sql(_EVENTS, exhibit, kind, *days, min(wanted + 1, ALL)), wanted)
    if not rows and kind:
        there = [k for (k,) in opened.store.sql("select distinct kind from events order by 1")]
        if kind not in there:
            raise UsageError(f"no events of kind {kind}; there are {', '.join(there) or 'none'}")
    if as_json:
        for ns, precision, zone, *rest in rows:
            when = None if ns is None else str(Instant(ns, precision, zone))
            lines(("when", "kind", "app", "parties", "text", "exhibit", "address"), [(when, *rest)])
        return
    shown = [
        (
            "" if r[0] is None else Instant(r[0], r[1], r[2]),
            f"{r[3]} {r[4]}",
            ", ".join(f"{p['role']} {p['value'] or p['name']}" for p in r[5] or ()),
            clean(r[6], 160),
            r[7],
            r[8],
        )
        for r in rows
    ]
    table(["when", "what", "who", "text", "exhibit"], shown, below="address", nothing="no events")


def _day(text: str, more: int = 0) -> int | None:
    from moisson.times import from_iso

    if not text:
        return None
    if (instant := from_iso(text)) is None:
        raise UsageError(f"{text!r} is no date; write it as 2024-01-31")
    return instant.ns + more


@click.command()
@CASE
@click.argument("address")
@click.option("--bytes", "raw", is_flag=True, help="The very bytes, from the evidence.")
@click.option("--text", "as_text", is_flag=True, help="The text that was read there.")
def show(case: Path, address: str, raw: bool, as_text: bool) -> None:
    """The record at ADDRESS, its text, or its very bytes."""
    opened, parsed = Case(case), Address.parse(address)
    _known(opened, parsed.exhibit)
    if raw:
        opened.note("read", object=address)
        try:
            sys.stdout.buffer.write(opened.read(parsed))
        finally:
            opened.close()
    elif as_text:
        if not isinstance(text := opened.store.text(address), Text):
            raise UsageError(f"no text was read at {address}{_nearest(opened, parsed)}")
        sys.stdout.write(text.content)
    elif (record := opened.store.record_at(address)) is not None:
        line(record)
    else:
        raise UsageError(
            f"no record has the address {address}, --bytes reads it all the same{_nearest(opened, parsed)}"
        )


def _nearest(opened: Case, address: Address) -> str:
    """The item that an address leads into, to be told."""
    while (parent := address.parent) is not None:
        if isinstance(opened.store.record_at(str(parent)), Item):
            return f"; it lies in {parent}"
        address = parent
    return ""
