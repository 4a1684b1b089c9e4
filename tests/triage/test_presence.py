from __future__ import annotations

from moisson.model import Sighting
from moisson.scan.shares import SIZE, Sample
from moisson.selectors.kind import Context
from moisson.triage.match import read_watchlist
from moisson.triage.presence import Sought

ROWS = "kind,value\nphone,0780 153 4945\nemail,anna@verger.example\nname,Nadia al-Taie\n"


def seen(kind, value, at):
    return Sighting(f"disk/@{at}+9", "sweep.scan@1", kind, value, value)


def sought(tmp_path):
    (tmp_path / "list.csv").write_text(ROWS, "utf-8")
    return Sought(read_watchlist(tmp_path / "list.csv", Context(regions=("IQ",))))


def test_places_are_counted_and_not_how_often_a_value_stands_in_one(tmp_path):
    here = sought(tmp_path)
    here.take([seen("email", "anna@verger.example", 10), seen("email", "anna@verger.example", 90)])
    here.take([seen("email", "anna@verger.example", 70_000), seen("phone", "+9647801534945", 70_020)])
    here.take([seen("email", "somebody@verger.example", 140_000)])
    found = list(here.presences(Sample(1000, 5 << 30, {"text": 1000})))
    assert [(p.entry.raw, p.places, p.address) for p in found] == [
        ("anna@verger.example", 2, "disk/@10+9"),
        ("0780 153 4945", 1, "disk/@70020+9"),
        ("Nadia al-Taie", 0, ""),
    ]
    assert all(p.low <= p.share <= p.high for p in found)
    assert found[0].share == 0.002
    assert found[2].low == 0 < found[2].high < 0.004


def test_of_a_medium_that_was_looked_at_whole_the_share_is_exact(tmp_path):
    here = sought(tmp_path)
    here.take([seen("email", "anna@verger.example", 10)])
    found = list(here.presences(Sample(4, 4 * SIZE, {"text": 4})))
    assert [(p.low, p.high) for p in found] == [(0.25, 0.25), (0, 0), (0, 0)]
