"""Looking at what was found: search, sightings, events, show."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from moisson.cli.output import CASE, JSON, LIMIT, clean, console, line, table
from moisson.engine.case import Case
from moisson.errors import UsageError
from moisson.model import Text
from moisson.selectors import find
from moisson.store.query import Reader
from moisson.times import Instant

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@CASE
@click.argument("query", nargs=-1, required=True)
@LIMIT
@click.option("--offset", default=0, help="Skip so many hits.")
@click.option("--sort", type=click.Choice(["relevance", "time", "path", "size"]), default="relevance")
@JSON
def search(case: Path, query: tuple[str, ...], limit: int, offset: int, sort: str, as_json: bool) -> None:
    """Search words, "phrases", prefix*, fields (kind: lang: exhibit: state: ext: date: size:), Arabic folded."""
    result = Reader(case).search(" ".join(query), limit, offset, sort)
    if as_json:
        for hit in result.hits:
            line(hit)
        return
    for hit in result.hits:
        console.print(f"[bold]{hit.exhibit}[/] {_escape(hit.path)}  [dim]{hit.kind} {hit.state}[/]", soft_wrap=True)
        console.print(f"  [dim]{_escape(hit.address)}[/]", soft_wrap=True)
        if hit.snippet:
            console.print(f"  {_escape(hit.snippet)}", soft_wrap=True)
    console.print(f"{result.total} items")


def _escape(text: str) -> str:
    return clean(text).replace("[", r"\[")


@click.command()
@CASE
@click.argument("value", required=False)
@click.option("--kind", help="Only this kind: phone, email, iban, …")
@click.option("--exhibit", help="Only on this exhibit.")
@LIMIT
@JSON
def sightings(case: Path, value: str | None, kind: str | None, exhibit: str | None, limit: int, as_json: bool) -> None:
    """Where selectors were seen; VALUE in any written form."""
    opened = Case(case)
    values = _readings(opened, value, kind) if value else None
    rows = opened.store.sql(
        """select s.kind, s.value, s.raw, s.exhibit, s.address, coalesce(i.path, '') path, s.context, s.role, s.run
           from sightings s left join items i on i.address = s.item and i.exhibit = s.exhibit
           where (?1 is null or s.kind = ?1) and (?2 is null or s.exhibit = ?2)
             and (?3 is null or list_contains(?3, s.value))
           order by s.kind, s.value, s.address limit ?4""",
        kind,
        exhibit,
        values,
        limit,
    )
    if as_json:
        names = ("kind", "value", "raw", "exhibit", "address", "path", "context", "role", "run")
        for row in rows:
            line(dict(zip(names, row, strict=True)))
        return
    table(["kind", "value", "exhibit", "file", "address"], [(r[0], r[1], r[3], r[5], r[4]) for r in rows])


def _readings(opened: Case, value: str, kind: str | None) -> list[str]:
    from moisson.selectors import kinds

    context = find.Context(regions=opened.settings.regions, languages=opened.settings.languages)
    found = {find.read_query(name, value, context) for name in ([kind] if kind else kinds.KINDS)}
    return sorted({value, *(f for f in found if f)})


@click.command()
@CASE
@click.option("--exhibit", help="Only on this exhibit.")
@click.option("--kind", help="message, call, photograph, appointment, …")
@click.option("--from", "start", default="", help="From this day on (2024-01-31).")
@click.option("--to", "end", default="", help="Up to this day.")
@LIMIT
@JSON
def events(case: Path, exhibit: str | None, kind: str | None, start: str, end: str, limit: int, as_json: bool) -> None:
    """Messages, calls, photographs, appointments: a timeline."""
    rows = Reader(case).sql(
        """select when_ns, when_precision, when_zone, kind, app, parties, text, exhibit, address from events
           where (?1 is null or exhibit = ?1) and (?2 is null or kind = ?2)
             and (?3 is null or when_ns >= ?3) and (?4 is null or when_ns < ?4)
           order by when_ns nulls last, address limit ?5""",
        exhibit,
        kind,
        _day(start),
        _day(end, 86_400_000_000_000),
        limit,
    )
    if as_json:
        names = ("when", "kind", "app", "parties", "text", "exhibit", "address")
        for ns, precision, zone, *rest in rows:
            when = None if ns is None else str(Instant(ns, precision, zone))
            line(dict(zip(names, (when, *rest), strict=True)))
        return
    table(
        ["when", "what", "who", "text", "exhibit"],
        [
            (
                "" if r[0] is None else Instant(r[0], r[1], r[2]),
                f"{r[3]} {r[4]}",
                ", ".join(f"{p['role']} {p['value'] or p['name']}" for p in r[5] or ()),
                clean(r[6], 80),
                r[7],
            )
            for r in rows
        ],
    )


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
    opened = Case(case)
    if raw:
        with opened.ledger() as ledger:
            ledger.append("read", object=address)
        try:
            sys.stdout.buffer.write(opened.read(address))
        finally:
            opened.close()
        return
    if as_text:
        text = opened.store.text(address)
        if isinstance(text, Text):
            sys.stdout.write(text.content)
        return
    record = opened.store.record_at(address)
    if record is None:
        raise UsageError(f"nothing is recorded at {address}; --bytes reads it from the evidence all the same")
    line(record)
