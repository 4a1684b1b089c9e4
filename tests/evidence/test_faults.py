from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moisson.evidence import faults
from moisson.evidence.faults import Faults


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.sampled_from("ab")), max_size=30))
def test_every_stretch_is_covered_and_in_order(stretches: list[tuple[int, int, str]]) -> None:
    found = Faults()
    for offset, length, why in stretches:
        found.add(offset, length, why)
    listed = found.list()
    assert listed == sorted(listed)
    covered = {at for offset, length, _ in listed for at in range(offset, offset + length)}
    assert covered == {at for offset, length, _ in stretches for at in range(offset, offset + length)}
    assert bool(found) == bool(covered)


def test_the_list_is_bounded() -> None:
    found = Faults()
    for n in range(faults.MOST + 5):
        found.add(n * 10, 1, "x")
    assert len(found.list()) == faults.MOST + 1
    assert found.list()[-1] == (0, 0, "and 5 more stretches")
