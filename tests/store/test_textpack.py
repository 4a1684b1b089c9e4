from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moisson.errors import CaseError
from moisson.store.textpack import PackReader, PackWriter, Place

SHORT = [
    f"{n}: the quick brown fox jumps over the lazy dog {n * 7919 % 1000} times, كتاب {n}\n" * 5 for n in range(2000)
]


def put(path, *lots):
    pack = PackWriter(path)
    places = [place for lot in lots for place in pack.add(lot)]
    pack.close()
    return places


@given(st.lists(st.lists(st.text(max_size=40), max_size=5), max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_texts_come_back(tmp_path, lots):
    path = tmp_path / "text.pack"
    path.unlink(missing_ok=True)
    places = put(path, *lots)
    with PackReader(path) as pack:
        assert [pack.text(place) for place in places] == [text for lot in lots for text in lot]


def test_short_texts_share_a_dictionary(tmp_path):
    places = put(tmp_path / "short", SHORT[:1000], SHORT[1000:])
    assert {place.dictionary for place in places} == {0}
    with PackReader(tmp_path / "short") as pack:
        assert [pack.text(place) for place in places] == SHORT
        assert pack.text(places[5], 20) == SHORT[5].encode()[:20].decode(errors="ignore")
    put(tmp_path / "again", SHORT[:1000], SHORT[1000:])
    assert (tmp_path / "again").read_bytes() == (tmp_path / "short").read_bytes()
    apart = [put(tmp_path / f"{n}", [text])[0].length for n, text in enumerate(SHORT[:50])]
    assert sum(place.length for place in places[:50]) < sum(apart) / 1.5


def test_a_damaged_pack_says_so(tmp_path):
    places = put(tmp_path / "p", ["hello" * 100])
    data = bytearray((tmp_path / "p").read_bytes())
    data[0] ^= 0xFF
    (tmp_path / "p").write_bytes(data)
    with PackReader(tmp_path / "p") as pack, pytest.raises(CaseError, match="damaged"):
        pack.text(places[0])
    with PackReader(tmp_path / "p") as pack, pytest.raises(CaseError):
        pack.text(Place(10_000, 5, -1))
