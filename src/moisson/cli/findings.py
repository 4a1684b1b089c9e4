"""What follows from it: links, countries, leads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from moisson.cli.output import ALL, CASE, JSON, LIMIT, clean, first, line, lines, most, table
from moisson.engine.case import Case
from moisson.errors import UsageError
from moisson.link import countries as land
from moisson.link import rarity
from moisson.selectors import find, kinds
from moisson.store.query import Reader
from moisson.triage.match import current_run

if TYPE_CHECKING:
    from pathlib import Path

    from moisson.link.countries import Hypothesis

_LEADS = """with told as (
        select *, address in (select address from sightings) or run like 'sweep.blocks@%' as read from leads
        where run = ? or run like 'sweep.blocks@%')
    select severity, rule, exhibit,
        coalesce(nullif(count(distinct address) filter (read), 0), count(distinct address)) n, min(why) why,
        list(address order by not read, address like '%/@%', address)[:5] from told
    group by severity, rule, exhibit order by severity, n desc, rule, exhibit limit ?"""


@click.command()
@CASE
@click.option("--pairs", is_flag=True, help="Pairs of exhibits instead of selectors.")
@click.option("--proof", nargs=2, metavar="KIND VALUE", help="Where one shared selector stands.")
@LIMIT
@JSON
def links(case: Path, pairs: bool, proof: tuple[str, str] | None, limit: int | None, as_json: bool) -> None:
    """Rare selectors that exhibits share, and why."""
    wanted = most(limit, as_json)
    if proof:
        _proof(case, *proof, wanted, as_json)
    elif pairs:
        _pairs(Reader(case), wanted, as_json)
    else:
        found = first(rarity.shared(Reader(case), wanted + 1), wanted)
        if as_json:
            for each in found:
                line(each)
            return
        rows = [(f"{s.weight:.2f}", s.kind, s.value, ", ".join(s.exhibits), s.why) for s in found]
        table(["weight", "kind", "value", "exhibits", "why"], rows, nothing="no two exhibits share a rare selector")


def _pairs(reader: Reader, wanted: int, as_json: bool) -> None:
    ranked = first(rarity.pairs(rarity.shared(reader, 10_000), wanted + 1), wanted)
    if as_json:
        for pair in ranked:
            line(pair)
        return
    rows = [(f"{p.score:.2f}", p.a, p.b, ", ".join(f"{k} {v}" for k, v in p.selectors[:3])) for p in ranked]
    table(["score", "exhibit", "and", "through"], rows, nothing="no two exhibits belong together by what they share")


def _proof(case: Path, kind: str, value: str, wanted: int, as_json: bool) -> None:
    opened = Case(case)
    if kind not in kinds.KINDS:
        raise UsageError(f"no kind of selector {kind}; there are {', '.join(sorted(kinds.KINDS))}")
    context = find.Context(regions=opened.settings.regions, languages=opened.settings.languages)
    meant = value, *(find.read_meanings(kind, value, context) or ())
    rows = next((found for v in meant if (found := list(rarity.proof(opened.store, kind, v, wanted + 1)))), [])
    rows = list(first(rows, wanted))
    if as_json:
        lines(("exhibit", "address", "path", "context"), rows)
        return
    shown = [(r[0], r[2], clean(r[3]), r[1]) for r in rows]
    table(["exhibit", "file", "context"], shown, below="address", nothing=f"{kind} {value} was not seen")


@click.command()
@CASE
@click.option("--country", help="Only this country, with every selector (ISO 3166: FR, TR …).")
@LIMIT
@JSON
def countries(case: Path, country: str | None, limit: int | None, as_json: bool) -> None:
    """Country → exhibits, selectors, with reasons."""
    wanted = most(limit, as_json)
    if country and not re.fullmatch("[A-Za-z]{2}", country):
        raise UsageError(f"{country!r} is no country; write its two letters, as in FR")
    found = [h for h in land.hypotheses(Reader(case)) if not country or h.country == country.upper()]
    if as_json:
        for h in first(found, wanted):
            line(h)
    elif country:
        nothing = f"nothing concerns {country.upper()}"
        rows = [
            (f"{h.strength:.2f}", h.kind, h.value, ", ".join(h.exhibits), "; ".join((*h.reasons[:2], *_apart(h))))
            for h in found
        ]
        table(["strength", "kind", "value", "exhibits", "why"], first(rows, wanted), nothing=nothing)
    else:
        _summary(found, wanted)


def _summary(found: list[Hypothesis], wanted: int) -> None:
    rows = []
    for s in first(land.summarise(found), wanted):
        best = max(s.selectors or s.aside, key=lambda h: h.strength)
        strongest, why = f"{best.kind} {best.value}", "; ".join((best.reasons[0], *_apart(best)))
        rows.append((s.country, len(s.selectors), len(s.aside), ", ".join(s.exhibits), strongest, why))
    head = ["country", "selectors", "set aside", "exhibits", "strongest", "why"]
    table(head, rows, nothing="nothing concerns a country")


def _apart(h: Hypothesis) -> tuple[str, ...]:
    return (f"set aside: {h.aside}",) if h.aside else ()


@click.command()
@CASE
@LIMIT
@JSON
def leads(case: Path, limit: int | None, as_json: bool) -> None:
    """Watchlists and requirements that were met, most urgent first."""
    wanted = most(limit, as_json)
    rows = first(Reader(case).sql(_LEADS, current_run(case / "lists"), min(wanted + 1, ALL)), wanted)
    if as_json:
        lines(("severity", "rule", "exhibit", "n", "why", "evidence"), rows)
        return
    nothing = "no leads" + ("" if any((case / "lists").iterdir()) else "; harvest with --watchlist or --requirements")
    shown = [(r[0], r[2], r[3], clean(r[4], 160), r[5][0]) for r in rows]
    table(["urgency", "exhibit", "seen", "why"], shown, below="first seen at", nothing=nothing)
