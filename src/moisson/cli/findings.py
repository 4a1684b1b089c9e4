"""What follows from it: links, countries, leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from moisson.cli.output import CASE, JSON, LIMIT, clean, line, table
from moisson.link import countries as land
from moisson.link import rarity
from moisson.store.query import Reader
from moisson.triage.match import current_run

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@CASE
@click.option("--pairs", is_flag=True, help="Pairs of exhibits instead of selectors.")
@click.option("--proof", nargs=2, metavar="KIND VALUE", help="Where one shared selector stands.")
@LIMIT
@JSON
def links(case: Path, pairs: bool, proof: tuple[str, str] | None, limit: int, as_json: bool) -> None:
    """Rare selectors shared between exhibits, the most telling first, and why."""
    reader = Reader(case)
    if proof:
        rows = list(rarity.proof(reader, *proof))
        if as_json:
            for row in rows:
                line(dict(zip(("exhibit", "address", "path", "context"), row, strict=True)))
        else:
            table(["exhibit", "file", "context", "address"], [(r[0], r[2], clean(r[3], 90), r[1]) for r in rows])
        return
    found = rarity.shared(reader, limit if not pairs else 10_000)
    if pairs:
        ranked = rarity.pairs(found, limit)
        if as_json:
            for pair in ranked:
                line(pair)
        else:
            through = [", ".join(f"{k} {v}" for k, v in p.selectors[:3]) for p in ranked]
            table(
                ["score", "exhibit", "exhibit", "through"],
                [(p.score, p.a, p.b, t) for p, t in zip(ranked, through, strict=True)],
            )
        return
    if as_json:
        for s in found:
            line(s)
        return
    table(
        ["weight", "kind", "value", "exhibits", "why"],
        [(f"{s.weight:.2f}", s.kind, s.value, ", ".join(s.exhibits), s.why) for s in found],
    )


@click.command()
@CASE
@click.option("--country", help="Only this country, with every selector (ISO 3166: FR, TR …).")
@LIMIT
@JSON
def countries(case: Path, country: str | None, limit: int, as_json: bool) -> None:
    """Country → exhibits, selectors, with reasons."""
    found = land.hypotheses(Reader(case))
    wanted = [h for h in found if not country or h.country == country.upper()]
    if as_json:
        for h in wanted:
            line(h)
        return
    if country:
        rows = [(f"{h.strength:.2f}", h.kind, h.value, ", ".join(h.exhibits), "; ".join(h.reasons[:2])) for h in wanted]
        table(["strength", "kind", "value", "exhibits", "why"], rows[:limit])
        return
    rows = []
    for s in land.summarise(wanted)[:limit]:
        best = max(s.selectors, key=lambda h: h.strength)
        rows.append(
            (s.country, str(len(s.selectors)), ", ".join(s.exhibits), f"{best.kind} {best.value}", best.reasons[0])
        )
    table(["country", "selectors", "exhibits", "strongest", "why"], rows)


@click.command()
@CASE
@LIMIT
@JSON
def leads(case: Path, limit: int, as_json: bool) -> None:
    """Watchlists and requirements that were met: most urgent first."""
    rows = Reader(case).sql(
        """select severity, rule, exhibit, count(*) n, min(why) why,
               list(address order by address like '%/@%', address)[:5] from leads
           where run = ? or run like 'sweep.blocks@%'
           group by severity, rule, exhibit order by severity, n desc, rule, exhibit limit ?""",
        current_run(case / "lists"),
        limit,
    )
    if as_json:
        names = ("severity", "rule", "exhibit", "n", "why", "evidence")
        for row in rows:
            line(dict(zip(names, row, strict=True)))
        return
    table(
        ["urgency", "exhibit", "seen", "why", "first seen at"],
        [(r[0], r[2], r[3], clean(r[4], 160), r[5][0]) for r in rows],
    )
