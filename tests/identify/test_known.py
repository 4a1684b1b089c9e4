"""Known files: every form of list, every digest found again, and no other."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import UsageError
from moisson.identify import known
from moisson.identify.known import Known, compile_lists
from tests.counting import steps


def digests(content):
    return {name: hashlib.new(name, content).hexdigest() for name in ("sha256", "sha1", "md5")}


A, B, C = (digests(letter) for letter in (b"a", b"b", b"c"))


@pytest.mark.parametrize(
    ("text", "algorithms"),
    [
        (f"sha256,sha1,md5,size,name\n{A['sha256']},{A['sha1']},{A['md5']},1,a.txt\n", {"sha256", "sha1", "md5"}),
        (f'"SHA-1","MD5","CRC32","FileName"\n"{A["sha1"].upper()}","{A["md5"].upper()}","0","a,b"\n', {"sha1", "md5"}),
        (f"md5\n{A['md5']}\n", {"md5"}),
        (f"# comment {C['sha256']}\n{A['sha256']}\n{B['sha256']}  b.txt\n", {"sha256"}),
        (f"{A['md5'].upper()}\r\n{A['sha1']}\r\n", {"sha1", "md5"}),
    ],
)
def test_forms_of_lists(tmp_path, text, algorithms):
    (tmp_path / "list").write_text(text)
    found = Known.open(compile_lists([tmp_path / "list"], tmp_path / "out"))
    assert found.algorithms == algorithms
    for name in algorithms:
        assert found.has(**{name: A[name]})
        assert found.has(**{name: A[name].upper()})
        assert not found.has(**{name: C[name]})
    assert not found.has()
    assert not found.has(sha256="zz", md5="12")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list", "out"]


def test_damaged_rows_are_left_out(tmp_path):
    rows = f"sha256,name\n{'z' * 64},bad\n,empty\nshort,x\n{A['sha256']},a\n{A['sha256']},again\n"
    (tmp_path / "list").write_text(rows)
    assert len(Known.open(compile_lists([tmp_path / "list"], tmp_path / "out"))) == 1


def test_what_is_no_list(tmp_path):
    (tmp_path / "list").write_text("nothing here\n")
    with pytest.raises(UsageError):
        compile_lists([tmp_path / "list"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for content in (b"", b"MOISKNW1", b"MOISKNW1" + b"\xff" * 100, b"x" * 200):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(UsageError):
            Known.open(tmp_path / "bad")


@given(st.sets(st.binary(min_size=32, max_size=32), min_size=1, max_size=50), st.binary(min_size=32, max_size=32))
def test_has_is_membership(tmp_path_factory, entries, other):
    folder = tmp_path_factory.mktemp("known")
    (folder / "list").write_text("\n".join(entry.hex() for entry in entries))
    found = Known.open(compile_lists([folder / "list"], folder / "out"))
    assert all(found.has(sha256=entry.hex()) for entry in entries)
    assert found.has(sha256=other.hex()) == (other[:16] in {entry[:16] for entry in entries})


def test_skewed_digests(tmp_path):
    entries = [b"\0" * 14 + i.to_bytes(2, "big") for i in range(3000)] + [b"\xff" * 16]
    (tmp_path / "list").write_text("\n".join(entry.hex() for entry in entries))
    found = Known.open(compile_lists([tmp_path / "list"], tmp_path / "out"))
    assert all(found.has(md5=entry.hex()) for entry in entries)
    assert not found.has(md5=(b"\0" * 13 + b"\1\0\0").hex())


def test_a_million_in_several_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(known, "_BUFFER", 150_000)
    chance = random.Random(1)
    raw = chance.randbytes(20 * 1_000_000)
    lines = [raw[i : i + 20].hex() for i in range(0, len(raw), 20)]
    (tmp_path / "list").write_text("\n".join(lines + lines[:5000]))
    found = Known.open(compile_lists([tmp_path / "list"], tmp_path / "out"))
    assert len(found) == 1_000_000
    assert all(found.has(sha1=line) for line in lines[::50])
    assert not any(found.has(sha1=chance.randbytes(20).hex()) for _ in range(20_000))
    assert steps(lambda: [found.has(sha1=line) for line in lines[::5000]]) < 200 * 200
