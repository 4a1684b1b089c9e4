from __future__ import annotations

import pytest

from moisson import model as m
from moisson.errors import UsageError
from moisson.store.manifest import Manifest
from moisson.store.query import Reader

from .specimens import write

SEEN = [
    ("a.txt", "phone", "+33751900584", "٠٧٥١٩٠٠٥٨٤"),
    ("b.txt", "phone", "+33751900584", "0033 7 51 90 05 84"),
    ("c.txt", "phone", "+963944000298", "0944000298"),
    ("d.txt", "coords", "50.81088,4.38804", "50.81088, 4.38804"),
    ("e.txt", "coords", "50.81090,4.38800", "50.8109,4.3880"),
    ("f.txt", "name", "أبو نور", "أبو نور"),
    ("g.txt", "name", "Abou Nour", "Abou Nour"),
    ("h.txt", "name", "Abou Kamar", "Abou Kamar"),
    ("i.txt", "plate", "98-TGJ-0", "98TGJ0"),
    ("j.txt", "email", "anna@verger.example", "ANNA (at) verger.example"),
    ("k.txt", "account", "signal:@abu_tr13", "@abu_tr13"),
]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    root = tmp_path_factory.mktemp("meant")
    manifest = Manifest(root / "manifest.db")
    manifest.set_setting("settings", '{"regions":["FR","SY"]}')
    records = []
    for name, kind, value, raw in SEEN:
        address = f"E1/{name}"
        records.append(m.Item(address, "x@1", name, name, "text/plain", 10, "0" * 64))
        records.append(m.Text(address, "x@1", f"see {raw} there"))
        records.append(m.Sighting(f"{address}/t:4+{len(raw)}", "x@1", kind, value, raw, address))
    (root / "tmp").mkdir(exist_ok=True)
    manifest.publish(write(root, "a", records))
    return Reader(root)


def found(reader, query):
    return "".join(sorted(hit.path[0] for hit in reader.search(query).hits))


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("+33751900584", "ab"),
        ("07 51 90 05 84", "ab"),
        ("0033(0)751.900.584", "ab"),
        ("٠٧٥١٩٠٠٥٨٤", "ab"),
        ('see "07.51.90.05.84"', "ab"),
        ("there -0751900584", "cdefghijk"),
        ("+963 (0)944 000 298", "c"),
        ("50.81088, 4.38804", "de"),
        ("50°48'39.2\"N 4°23'16.9\"E", "de"),
        ('name:"Abu Noor"', "fg"),
        ("name:ابونور", ""),
        ("98-tgj-0", "i"),
        ("Anna@Verger.Example", "j"),
        ("signal:@abu_tr13", "k"),
        ("12", ""),
        ("2024", ""),
    ],
)
def test_a_selector_is_found_in_any_writing(reader, query, paths):
    assert found(reader, query) == paths


def test_facets_count_what_is_meant(reader):
    assert reader.facets("+33751900584", ["exhibit"]) == {"exhibit": {"E1": 2}}


def test_a_field_that_is_none_is_refused(reader):
    with pytest.raises(UsageError, match="no field signals"):
        reader.search("signals:x")
