from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moisson.engine.messages import Place
from moisson.engine.plan import UNIT_BYTES, UNIT_ITEMS, classify, list_unit, read_units

rows = st.lists(
    st.tuples(st.sampled_from([100.0, 70.0, 5.0]), st.booleans(), st.integers(0, UNIT_BYTES * 2)), max_size=900
)


@given(rows)
def test_units_cover_every_row_once_and_in_order(found):
    found.sort(key=lambda r: (-r[0], not r[1]))
    units = list(read_units(list_unit("E1", Place(("p1",), "ntfs")), "seg", found))
    covered = [n for unit in units for n in range(unit.start, unit.start + unit.count)]
    assert covered == list(range(len(found)))
    for unit in units:
        inside = found[unit.start : unit.start + unit.count]
        assert len({row[:2] for row in inside}) == 1
        assert unit.count <= UNIT_ITEMS
        assert unit.count == 1 or sum(min(size, UNIT_BYTES) for _, _, size in inside) <= UNIT_BYTES


def test_what_people_wrote_comes_before_what_the_system_brought():
    order = [
        "data/data/com.android.providers.contacts/databases/contacts2.db",
        "Users/x/AppData/Roaming/Thunderbird/Profiles/a/Mail/Local Folders/Inbox.mbox",
        "Users/x/Documents/lettre.docx",
        "Users/x/Pictures/IMG_0001.JPG",
        "Windows/WinSxS/x86/notepad.txt",
    ]
    values = [classify(path).value for path in order]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)
    assert classify("noext").name == "other"
