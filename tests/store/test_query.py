from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from moisson import model as m
from moisson.errors import CaseError, UsageError
from moisson.store import index
from moisson.store.manifest import Manifest
from moisson.store.query import Reader
from moisson.times import Instant

from .specimens import LISTED, MEMBER, PDF, PLACE, READ, RECORDS, everything, write

EVENT = f"{PDF}/sqlite:1"
QUERIES = [
    ("أسلحة", [PDF]),
    ("الاسلحه", [PDF]),
    ("exact:أسلحة", []),
    ("exact:الأسلحة", [PDF]),
    ("mosul", [MEMBER]),
    ("MOSUL weapons", [MEMBER]),
    ("mosul bonjour", []),
    ("mosul OR bonjour", [MEMBER, EVENT]),
    ("house", [MEMBER]),
    ("exact:house", []),
    ("amie", [EVENT]),
    ('"weapons were delivered"', [MEMBER]),
    ('"delivered weapons"', []),
    ("deliv*", [MEMBER]),
    ("*liver*", [MEMBER]),
    ("rendez-vo*", [EVENT]),
    ("wepons~", [MEMBER]),
    ("wpns~", []),
    ("wpns~2", []),
    ("wepns~2", [MEMBER]),
    ("-mosul", [PDF, EVENT, PLACE]),
    ("(mosul OR bonjour) -weapons", [EVENT]),
    ("kind:pdf", [PDF]),
    ("kind:text/*", [MEMBER]),
    ("kind:pdf,event", [PDF, EVENT]),
    ("ext:txt", [MEMBER]),
    ("ext:.TXT", [MEMBER]),
    ("lang:ar", [PDF]),
    ("state:deleted", [MEMBER]),
    ("exhibit:E1 year:2023", [PDF, EVENT]),
    ("exhibit:E2", []),
    ("path:f1.pdf", [PDF, MEMBER, EVENT]),
    ("b.txt", [MEMBER]),
    ("date:2023-11..2023-12", [PDF]),
    ("date:>=2023-07-22", [PDF, EVENT]),
    ("date:<2023-11", [EVENT]),
    ("size:1", [PDF]),
    ("size:>1", [MEMBER]),
    ("size:1..1K", [PDF, MEMBER]),
    ("sel:+33612345678", [PDF]),
    ("sel:phone:+33612345678", [PDF]),
    ("sel:+336*", [PDF]),
    ("sel:a@b.com", [PLACE]),
    ("sel:axb.com", []),
]


@pytest.mark.parametrize(("query", "addresses"), QUERIES)
def test_queries(reader, query, addresses):
    result = reader.search(query)
    assert sorted(hit.address for hit in result.hits) == sorted(addresses)
    assert result.total == len(addresses)


def test_snippets_mark_the_raw_words(reader):
    (hit,) = reader.search("اسلحه").hits
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["الأسلحة"]
    (hit,) = reader.search("l'ete").hits
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["l'été"]
    assert (hit.path, hit.kind, hit.state, hit.size) == ("a/f1.pdf", "application/pdf", "live", 1)
    assert hit.mtime == Instant(1_700_000_000 * 10**9)
    (hit,) = reader.search("bonjour").hits
    assert (hit.kind, hit.path, hit.snippet) == ("event/message", "a/f1.pdf", "bonjour les amies, rendez-vous demain")


ORDERS = [("time", PDF, PLACE), ("-time", MEMBER, PDF), ("size", MEMBER, PLACE), ("path", EVENT, MEMBER)]


@pytest.mark.parametrize(("sort", "first", "last"), [*ORDERS, ("-path", MEMBER, PLACE)])
def test_orders(reader, sort, first, last):
    hits = reader.search("", sort=sort).hits
    assert (hits[0].address, hits[-1].address) == (first, last)
    assert [h.address for n in range(4) for h in reader.search("", 1, n, sort).hits] == [h.address for h in hits]


def test_facets_are_exact(reader):
    states = {"live": 2, "": 1, "deleted": 1}
    assert reader.facets("", ["state", "ext"]) == {"state": states, "ext": {"pdf": 2, "txt": 1}}
    assert reader.facets("mosul", ["kind"]) == {"kind": {"text/plain": 1}}
    with pytest.raises(UsageError, match="no facet"):
        reader.facets("", ["colour"])


def test_items_with_a_selector(reader):
    assert [hit.address for hit in reader.items_with("phone", "+33612345678")] == [PDF]
    assert [hit.address for hit in reader.items_with("email", "a@b.com")] == [PLACE]
    assert reader.items_with("email", "+33612345678") == []


def test_records_come_back_and_read_items_stand_for_listed_ones(reader):
    assert everything(reader) == sorted(m.identity(record) for record in RECORDS)
    assert reader.sql("select count(*), count(*) filter (sha256 != '') from items") == [(6, 2)]
    assert reader.sql("select count(*) from entries") == [(5,)]


PLACES = [(PDF, READ[0]), (MEMBER, READ[2]), (LISTED[3].address, LISTED[3]), (PLACE, READ[5]), (EVENT, READ[6])]
PLACES += [("E1/ntfs:2", LISTED[2]), ("E1", READ[10]), ("E1/nothing", None), ("E9/x", None)]


@pytest.mark.parametrize(("address", "expected"), PLACES)
def test_record_at(reader, address, expected):
    assert reader.record_at(address) == expected


def test_text(reader):
    assert reader.text(PDF) == READ[1]
    assert reader.texts(MEMBER) == [READ[3]]
    assert reader.text("E1/ntfs:2") is None


def test_sql(reader):
    assert reader.sql("select label, files from exhibits") == [("a disk", ["a.dd"])]
    assert reader.sql("select p.value from events, unnest(parties) t(p)") == [("+33612345678",)]
    assert reader.sql("select count(*) from items where ?1 is null or list_contains(?1, address)", [PDF]) == [(1,)]
    assert list(reader.stream("select kind, n from selectors order by 1")) == [("email", 1), ("phone", 1)]


REFUSED = ["select * from read_text('/etc/passwd')", "copy items to '/tmp/x'", "create table t(a int)", "selec", ""]
REFUSED += ["set threads = 9", "attach '/tmp/x.db'", "install httpfs", "select * from nothing", "select 1; select 2"]


@pytest.mark.parametrize("query", REFUSED)
def test_sql_is_one_question_about_the_case(reader, query):
    with pytest.raises(UsageError):
        reader.sql(query)


def test_an_empty_case_has_every_view(root):
    empty = Reader(root)
    for view in ("exhibits", "items", "entries", "texts", "sightings", "events", "leads", "failures", "runs", "links"):
        assert empty.sql(f"select count(*) from {view}") == [(0,)]
    assert empty.sql("select kind, value, exhibit, n from selectors") == []
    assert empty.sql("select party.value from events, unnest(parties) t(party)") == []
    assert empty.search("x").total == 0
    assert list(empty.records("items")) == []


def test_a_lost_index_is_made_again(root):
    manifest = Manifest(root / "manifest.db")
    made = write(root, "read/a", READ)
    manifest.publish(made)
    shutil.rmtree(root / "seg" / made.name / "index")
    assert Reader(root).search("mosul").total == 1
    (root / "seg" / made.name / "index" / "version").write_text("0")
    assert Reader(root).search("mosul").total == 1
    assert (root / "seg" / made.name / "index" / "version").read_text() == index.VERSION


def test_a_lost_segment_is_said(root):
    manifest = Manifest(root / "manifest.db")
    made = write(root, "read/a", READ)
    manifest.publish(made)
    shutil.rmtree(root / "seg" / made.name)
    with pytest.raises(CaseError, match="not there"):
        Reader(root)


def test_several_segments_answer_as_one(root):
    manifest = Manifest(root / "manifest.db")
    for n in range(6):
        items = [i for k in range(5) for i in item(n * 5 + k)]
        manifest.publish(write(root, f"read/{n}", items, f"E{n}"))
    reader = Reader(root)
    paths = [f"dir/{n:03}.txt" for n in range(30)]
    assert [hit.path for hit in reader.search("common", 100, sort="path").hits] == paths
    assert [hit.path for hit in reader.search("common", 7, 11, sort="-path").hits] == paths[::-1][11:18]
    assert [hit.path for hit in reader.search("common", 4, sort="time").hits] == paths[:-5:-1]
    assert reader.search("common", 3).total == 30
    assert reader.facets("common", ["exhibit"])["exhibit"] == {f"E{n}": 5 for n in range(6)}


def item(n):
    at = f"E{n // 5}/ntfs:{n}"
    path = f"dir/{n:03}.txt"
    yield m.Item(at, "id@1", path[4:], path, sha256="aa", modified=Instant(n * 10**9))
    yield m.Text(at, "t@1", "common words")


def test_refresh_shows_what_was_published_since(root):
    manifest, reader = Manifest(root / "manifest.db"), Reader(root)
    manifest.publish(write(root, "read/a", READ))
    assert reader.search("mosul").total == 0
    reader.refresh()
    assert reader.search("mosul").total == 1
    manifest.withdraw("E1")
    reader.refresh()
    assert reader.search("").total == 0
    assert reader.sql("select count(*) from sightings") == [(0,)]


def test_threads_may_share_a_reader(reader):
    def ask(n):
        found = [reader.search(query).total for query, _ in QUERIES]
        return found, reader.sql("select count(*) from items where size >= ?", n % 2), everything(reader)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(ask, range(12)))
    assert {tuple(found) for found, _, _ in results} == {tuple(len(addresses) for _, addresses in QUERIES)}
    assert all(rows == [(6 - n % 2,)] and len(all_of) == len(RECORDS) for n, (_, rows, all_of) in enumerate(results))


def test_very_long_texts_and_words_are_found(root):
    manifest = Manifest(root / "manifest.db")
    long = "ab" * 300
    records = [
        m.Item(PDF, "i@1", "f", "f", sha256="a"),
        m.Text(PDF, "t@1", "filler word " * 150_000 + f"needle {long}"),
    ]
    manifest.publish(write(root, "read/a", records))
    reader = Reader(root)
    assert reader.search("needle").total == 1
    assert reader.search(long).total == 1
    assert reader.search(long[:-2] + "zz").total == 0
