"""Whatever is done to a ledger behind its back is named."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
import time
from hashlib import sha256

import pytest

from moisson.custody import keys, merkle, note
from moisson.custody.audit import audit
from moisson.custody.ledger import NAMESPACE, Ledger, verify_consistency, verify_inclusion
from moisson.errors import CustodyError, UsageError


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return keys.create_key(tmp_path_factory.mktemp("keys") / "k", "tester")


def fill(path, key, n=20):
    with Ledger.open(path) as ledger:
        ledger.append("intake", object="E1", inputs=["/media/e1.dd"], params={"sha256": "00"}, reason="seized")
        ledger.append_many({"act": "view", "object": f"E{i}"} for i in range(n // 2 - 1))
        first = ledger.checkpoint(key)
        ledger.append_many({"act": "export", "object": f"E{i}"} for i in range(n - n // 2))
        return first, ledger.checkpoint(key)


@pytest.fixture
def path(tmp_path, key):
    fill(tmp_path / "ledger.db", key)
    return tmp_path / "ledger.db"


def problems(path, *known, trusted=()):
    with Ledger.open(path) as ledger:
        return list(audit(ledger, known, trusted))


def tamper(path, *statements, triggers=True):
    """Change the file as somebody with full rights would, and put the triggers back."""
    database = sqlite3.connect(path, isolation_level=None)
    kept = database.execute("select name, sql from sqlite_schema where type = 'trigger'").fetchall()
    for name, _ in kept:
        database.execute(f"drop trigger {name}")
    for statement in statements:
        database.execute(*statement) if isinstance(statement, tuple) else database.execute(statement)
    for _, sql in kept if triggers else ():
        database.execute(sql)
    database.close()


def test_an_untouched_ledger_holds(path, key):
    assert problems(path) == []
    assert problems(path, trusted=[key.public]) == []


def test_entries_are_canonical_and_say_who_where_and_when(path):
    with Ledger.open(path) as ledger:
        assert len(ledger) == 20
        for seq, body in ledger.bodies():
            entry = json.loads(body)
            assert entry["seq"] == seq
            assert {"seq", "time", "actor", "host", "act", "object"} <= set(entry)
            assert body == json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        first = next(ledger.entries())
        assert (first.act, first.inputs, first.reason) == ("intake", ("/media/e1.dd",), "seized")
        assert [e.seq for e in ledger.entries(5, 8)] == [5, 6, 7]


def test_the_file_itself_refuses_to_forget(path):
    database = sqlite3.connect(path, isolation_level=None)
    for table in ("entries", "nodes", "checkpoints", "origin"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(f"delete from {table}")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute("update entries set body = x'00'")
    database.close()


def edited(path, seq=7):
    database = sqlite3.connect(path)
    body = database.execute("select body from entries where seq = ?", (seq,)).fetchone()[0]
    database.close()
    return body.replace(b'"act":"view"', b'"act":"vieW"')


def test_an_edited_entry_is_named(path):
    tamper(path, ("update entries set body = ? where seq = 7", (edited(path),)))
    found = problems(path)
    assert (found[0].kind, found[0].seq) == ("edited", 7)
    assert {p.kind for p in found[1:]} == {"checkpoint"}


def rebuild(path):
    """Recompute every hash, as a careful forger would."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("delete from nodes")
    tree = merkle.Growing()
    for (body,) in database.execute("select body from entries order by seq").fetchall():
        database.executemany("insert into nodes values (?, ?, ?)", list(tree.add(merkle.leaf_hash(body))))
    database.close()


def forge(path, *statements):
    tamper(path, *statements, triggers=False)
    rebuild(path)


def test_an_edit_with_every_hash_recomputed_breaks_on_the_checkpoints(path):
    forge(path, ("update entries set body = ? where seq = 7", (edited(path),)))
    found = problems(path)
    assert [(p.kind, p.seq) for p in found[:2]] == [("checkpoint", 10), ("checkpoint", 20)]


def test_an_entry_taken_out_is_named(path):
    tamper(path, "delete from entries where seq = 7")
    found = problems(path)
    assert (found[0].kind, found[0].seq) == ("missing", 7)


def test_two_entries_exchanged_are_named(path):
    tamper(
        path,
        "update entries set seq = 1000 where seq = 7",
        "update entries set seq = 7 where seq = 8",
        "update entries set seq = 8 where seq = 1000",
    )
    found = problems(path)
    assert (found[0].kind, found[0].seq) == ("reordered", 7)
    assert "entry 8 stands in the place of entry 7" in str(found[0])


def test_a_clumsy_cut_is_named(path):
    tamper(path, "delete from entries where seq > 15")
    found = problems(path)
    assert (found[0].kind, found[0].seq) == ("truncated", 16)


def test_a_careful_cut_is_found_by_a_checkpoint_inside_or_kept_elsewhere(tmp_path, key):
    path = tmp_path / "l.db"
    _, last = fill(path, key)
    forge(path, "delete from entries where seq > 15")
    assert "truncated" in {p.kind for p in problems(path)}
    tamper(path, "delete from checkpoints where size > 15", triggers=False)
    assert {p.kind for p in problems(path)} == {"triggers"}
    found = problems(path, last)
    assert (found[0].kind, found[0].seq) == ("truncated", 16)
    assert "saw 20 entries, 16 can be recomputed" in str(found[0])


def test_another_ledger_with_the_same_origin_is_found_by_what_was_kept(tmp_path, key):
    first, _ = fill(tmp_path / "a.db", key)
    fill(tmp_path / "b.db", key)
    origin = first.splitlines()[0]
    assert [p.kind for p in problems(tmp_path / "b.db", first)] == ["checkpoint"]
    tamper(tmp_path / "b.db", ("update origin set name = ?", (origin,)))
    assert "checkpoint" in {p.kind for p in problems(tmp_path / "b.db", first)}


@pytest.mark.parametrize("level", [0, 1, 3])
def test_a_changed_or_missing_hash_is_named(path, level):
    tamper(path, f"update nodes set hash = zeroblob(32) where level = {level} and idx = 1")
    assert problems(path)[0].kind == ("edited" if level == 0 else "tree")
    tamper(path, f"delete from nodes where level = {level} and idx = 1")
    assert problems(path)[0].kind == "tree"


def test_a_bad_signature_is_named(path, key, tmp_path):
    other = keys.create_key(tmp_path / "other", "tester")
    with Ledger.open(path) as ledger:
        ledger.append("x")
        ledger.checkpoint(other)
    assert problems(path) == []
    found = problems(path, trusted=[key.public])
    assert [(p.kind, p.seq) for p in found] == [("signature", 21)]
    assert "not among the trusted" in str(found[0])
    tamper(path, ("update checkpoints set key = ? where size = 10", (other.public,)))
    found = problems(path)
    assert (found[0].kind, found[0].seq) == ("signature", 10)


@pytest.mark.parametrize("column", ["note", "signature", "key"])
def test_a_damaged_checkpoint_is_named(path, column):
    tamper(path, f"update checkpoints set {column} = 'rubbish' where size = 20")
    assert [(p.kind, p.seq) for p in problems(path)] == [("signature", 20)]


def test_missing_triggers_are_named(path):
    tamper(path, triggers=False)
    assert [p.kind for p in problems(path)] == ["triggers"]


def test_a_rewritten_form_of_an_entry_is_named(tmp_path):
    path = tmp_path / "l.db"
    with Ledger.open(path) as ledger:
        ledger.append("one")
    body = b'{"seq":0, "act":"one","actor":"a","host":"h","time":"t"}'
    forge(path, ("update entries set body = ?", (body,)))
    assert problems(path)[0].kind == "edited"
    forge(path, "update entries set body = x'ff00'")
    assert problems(path)[0].kind == "damaged"


def test_a_damaged_file_is_a_custody_error_or_a_problem(path):
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)
    try:
        found = problems(path)
    except CustodyError:
        return
    assert found


def test_what_is_no_ledger_is_refused(tmp_path):
    (tmp_path / "text").write_text("hello, this is no database at all")
    with pytest.raises(CustodyError):
        Ledger.open(tmp_path / "text")
    database = sqlite3.connect(tmp_path / "other.db")
    database.execute("create table t (a)")
    database.close()
    with pytest.raises(CustodyError, match="not a ledger"):
        Ledger.open(tmp_path / "other.db")
    with pytest.raises(CustodyError):
        Ledger.open(tmp_path / "absent" / "l.db")
    with pytest.raises(CustodyError):
        Ledger.open(tmp_path / "absent.db", readonly=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"object": 7},
        {"params": {"x": object()}},
        {"reason": "\ud800"},
        {"reason": "x" * (1 << 20)},
        {"tool": "t"},
    ],
)
def test_what_is_no_entry_is_refused_and_nothing_is_written(path, fields):
    with Ledger.open(path) as ledger:
        with pytest.raises(UsageError):
            ledger.append_many([{"act": "good"}, {"act": "bad", **fields}])
        assert len(ledger) == 20
        assert ledger.append("good") == 20
    assert problems(path) == []


def test_proofs_out_of_the_ledger_hold(path):
    with Ledger.open(path) as ledger:
        bodies = [body for _, body in ledger.bodies()]
        for seq in range(20):
            leaf = merkle.leaf_hash(bodies[seq])
            assert verify_inclusion(leaf, seq, 20, ledger.inclusion(seq), ledger.root())
        for old in range(21):
            assert verify_consistency(old, 20, ledger.root(old), ledger.root(), ledger.consistency(old))
        with pytest.raises(UsageError):
            ledger.inclusion(20)
        with pytest.raises(UsageError):
            ledger.root(21)
        with pytest.raises(UsageError):
            ledger.consistency(5, 4)


def test_a_checkpoint_is_a_signed_note(path, key):
    with Ledger.open(path) as ledger:
        signed = ledger.checkpoints()[-1]
        text = note.verify_note(signed.note, key.raw)
        assert text.splitlines() == [ledger.origin, "20", base64.b64encode(ledger.root(20)).decode()]
    line = signed.note.splitlines()[-1]
    assert line.startswith("— tester ")
    raw = base64.b64decode(line.split()[2])
    assert raw[:4] == sha256(b"tester\n\1" + key.raw).digest()[:4]
    assert len(raw) == 68
    assert keys.verify_signature(text.encode(), signed.signature, NAMESPACE, key.public)
    for changed in (
        signed.note.replace("20\n", "21\n"),
        signed.note[:-6] + "AAAA=\n",
        "x",
        signed.note.replace("— ", "- "),
    ):
        with pytest.raises(CustodyError):
            note.verify_note(changed, key.raw)


WRITER = """
import sys
from pathlib import Path
from moisson.custody.ledger import Ledger
with Ledger.open(Path(sys.argv[1])) as ledger:
    for n in range(60):
        if n % 3:
            ledger.append("view", object=sys.argv[2], params={"n": n})
        else:
            ledger.append_many([{"act": "batch", "object": sys.argv[2]}] * 4)
"""


def test_processes_append_side_by_side(tmp_path, key):
    path = tmp_path / "l.db"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, name]) for name in ("a", "b", "c")]
    assert [w.wait(60) for w in writers] == [0, 0, 0]
    with Ledger.open(path) as ledger:
        assert len(ledger) == 3 * 120
        ledger.checkpoint(key)
        assert {e.object for e in ledger.entries()} == {"a", "b", "c"}
    assert problems(path) == []


def test_a_writer_killed_in_the_middle_leaves_a_ledger_that_holds(tmp_path):
    path = tmp_path / "l.db"
    endless = WRITER.replace("range(60)", "range(10**9)")
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", endless, path, "a"])
        until = time.monotonic() + 10
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.3)
        writer.kill()
        writer.wait()
        assert problems(path) == []
    with Ledger.open(path) as ledger:
        assert len(ledger) > 3


HALF_WRITTEN = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("pragma cache_size = 1")  # so that pages go to disc before the commit
db.execute("begin immediate")
db.executemany("insert into nodes values (40, ?, ?)", [(n, bytes(500)) for n in range(2000)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_reader_may_be_the_first_to_open_what_was_left_half_written(path, key):
    with Ledger.open(path) as ledger:
        before = list(ledger.bodies())
    subprocess.run([sys.executable, "-c", HALF_WRITTEN, path], check=False)
    assert path.with_name(f"{path.name}-journal").stat().st_size
    with Ledger.open(path, readonly=True) as ledger:
        assert list(ledger.bodies()) == before
        with pytest.raises(CustodyError, match="readonly"):
            ledger.append("view")
    assert problems(path) == []


def test_what_is_half_written_and_cannot_be_mended_is_said(path, monkeypatch):
    subprocess.run([sys.executable, "-c", HALF_WRITTEN, path], check=False)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CustodyError, match="half-written"):
        Ledger.open(path, readonly=True)


def test_the_size_of_the_ledger_does_not_slow_an_append(tmp_path):
    with Ledger.open(tmp_path / "l.db") as ledger:
        ledger.append_many([{"act": "x"}] * 20_000)
        queries = 0

        def count(_: str) -> None:
            nonlocal queries
            queries += 1

        ledger._database.set_trace_callback(count)
        ledger.append("y")
        assert queries < 50
