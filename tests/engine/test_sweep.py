"""The sweep of a stretch: what it tells of real bytes, and what is left of it when its child breaks."""

from __future__ import annotations

import base64
import gzip
import io
import random
import time
import zipfile
import zlib
from types import SimpleNamespace

import pytest

from moisson.address import Address, Layer
from moisson.engine import messages as m
from moisson.engine import sweep as sweeping
from moisson.engine.hand import Swept
from moisson.engine.packed import Packed
from moisson.engine.read import Walk
from moisson.engine.resolve import descend
from moisson.engine.sweep import Sweep, suffix
from moisson.engine.worker import Worker
from moisson.errors import DamagedError
from moisson.identify.blocks import Blocks, compile_targets
from moisson.model import Failure, Item, Lead, Sighting, Stretch, Text, identity
from moisson.reader import Memory, Reader
from moisson.scan import block
from moisson.scan.finds import VERSION
from moisson.settings import Settings
from tests.carve.made import files

STEP = 64 << 10


class Broken(Exception):
    """The child is gone."""


class Nobody:
    """Attribution on a medium without any file system."""

    def settle(self, sightings):
        yield from sightings

    def has(self, item):
        return False


class Bad(Memory):
    """A medium with a bad sector."""

    def __init__(self, data, bad):
        super().__init__(data)
        self.bad = bad

    def pread(self, offset, n):
        if offset <= self.bad < offset + n:
            raise DamagedError(f"the medium gives no data at {self.bad}")
        return super().pread(offset, n)


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    monkeypatch.setattr(sweeping, "STEP", STEP)
    monkeypatch.setattr(sweeping, "LESS", STEP // 4)


@pytest.fixture(scope="module")
def medium():
    """Nine steps: an archive across two of them, a letter, loose words, a value in noise and one in a layer."""
    data = bytearray(noise(9 * STEP))
    archive = files()["zip"][1]
    data[STEP - 1024 : STEP - 1024 + len(archive)] = archive
    letter = ("Rendez-vous avec karim@atelier-delta.example au 06 12 34 56 78.\r\n" * 30).encode()
    data[3 * STEP : 3 * STEP + 8192] = letter.ljust(8192, b"\0")
    data[4 * STEP + 700 : 4 * STEP + 8192] = b"words of nobody: anna@verger.example  ".ljust(7492, b"\0")
    data[5 * STEP + 77 : 5 * STEP + 77 + 28] = b" lone@value-in-noise.example "[:28]
    packed = gzip.compress(b"deep@inside.example " + noise(40), mtime=0)
    data[6 * STEP + 512 : 6 * STEP + 512 + len(packed)] = packed
    return bytes(data)


def asked(data, **changes):
    request = m.Sweep("E", (), 0, len(data), ((0, len(data)),))
    return m.Sweep(**{name: changes.get(name, getattr(request, name)) for name in request.__struct_fields__})


def told(medium, request, take, sought=None, **options):
    """Run a sweep as the child does; `take` gets what goes over the channel."""
    walk = Walk(
        Settings(),
        None,
        (),
        lambda where: take(m.Begin(where)),
        lambda where, records: take(m.Batch(where, tuple(records))),
    )
    Sweep(medium, request, walk, walk.done, sought, **options).run()


class Child:
    """Sweeps in this process; it breaks before the given messages, one a call, or always inside of one place."""

    def __init__(self, data, breaks=(), deadly=(), kind="crash"):
        self.data, self.breaks, self.deadly, self.kind = data, list(breaks), deadly, kind
        self.asked, self.seconds = [], []

    def call(self, exhibit, request, seconds, take):
        self.asked.append(request)
        self.seconds.append(seconds)
        left = self.breaks.pop(0) if self.breaks else -1
        sent = 0

        def send(message):
            nonlocal sent
            if sent == left:
                raise Broken
            sent += 1
            take(m.replies.decode(m.encode(message)))
            if isinstance(message, m.Begin) and message.address in self.deadly and message.address not in request.avoid:
                raise Broken

        try:
            told(Memory(self.data), request, send)
        except Broken:
            return self.kind, "it broke"
        return "ok", ""


def swept(child, data, attribution=None):
    """All records written, as the trusted side writes them."""
    written = []
    worker = Worker.__new__(Worker)
    worker.settings, worker.supply = Settings(), SimpleNamespace(call=child.call)
    hand = Swept(lambda record, _: written.append(record), "E", attribution or Nobody(), (0, len(data)))
    worker._persist(hand, asked(data), len(data), "E")
    hand.settle()
    return written


def identities(records):
    return sorted(identity(record) for record in records)


@pytest.fixture(scope="module")
def undisturbed(medium):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeping, "STEP", STEP)
        return swept(Child(medium), medium)


def test_a_stretch_tells_its_files_texts_and_values_once(medium, undisturbed):
    seen = [(r.kind, r.value) for r in undisturbed if isinstance(r, Sighting)]
    for value in ("karim@atelier-delta.example", "anna@verger.example", "lone@value-in-noise.example"):
        assert [kind for kind, found in seen if found == value].count("email") >= 1
    assert ("email", "deep@inside.example") in seen
    assert [v for r in undisturbed if isinstance(r, Sighting) and r.run == VERSION for v in [r.value]].count(
        "karim@atelier-delta.example"
    ) == 0
    carved = [r for r in undisturbed if isinstance(r, Item) and r.state == "carved"]
    assert [r for r in carved if r.kind == "application/zip" and r.size == len(files()["zip"][1])]
    assert len({r.address for r in carved}) == len(carved)
    assert not [r for r in undisturbed if isinstance(r, Failure)]
    assert any("words of nobody" in r.content for r in undisturbed if isinstance(r, Text))


def test_every_byte_is_surveyed(medium, undisturbed):
    kinds = [r for r in undisturbed if isinstance(r, Stretch)]
    assert sum(sum(r.kinds.values()) for r in kinds) == len(medium)


def test_a_break_before_any_message_costs_nothing_and_doubles_nothing(medium, undisturbed):
    sent = []
    told(Memory(medium), asked(medium), sent.append)
    for place in range(0, len(sent), max(1, len(sent) // 10)):
        again = swept(Child(medium, [place]), medium)
        assert identities(again) == identities(undisturbed), (place, sent[place])


def test_breaks_at_several_places_cost_nothing_either(medium, undisturbed):
    for seed in range(3):
        rng = random.Random(seed)
        later = rng.randrange(5, 60)
        assert identities(swept(Child(medium, [later, later // 2]), medium)) == identities(undisturbed)


def test_what_breaks_inside_of_a_carved_file_costs_that_only(medium, undisturbed):
    member = next(r.address for r in undisturbed if isinstance(r, Item) and r.name == "member2.txt")
    found = swept(Child(medium, deadly=(member,)), medium)
    assert [(f.address, f.kind) for f in found if isinstance(f, Failure)] == [(member, "crash")]
    items = [r.address for r in found if isinstance(r, Item)]
    assert sorted(items) == sorted(r.address for r in undisturbed if isinstance(r, Item))
    assert len(set(items)) == len(items)


def test_a_step_that_breaks_each_time_is_scanned_in_pieces(medium, undisturbed):
    step, piece = f"E/@{5 * STEP}+{STEP}", f"E/@{5 * STEP + STEP // 4}+{STEP // 4}"
    child = Child(medium, deadly=(step, piece))
    found = swept(child, medium)
    assert [f.address for f in found if isinstance(f, Failure)] == [step, piece]
    seen = {r.value for r in found if isinstance(r, Sighting)}
    assert {"lone@value-in-noise.example", "anna@verger.example", "deep@inside.example"} <= seen
    surveyed = sum(sum(r.kinds.values()) for r in found if isinstance(r, Stretch))
    assert surveyed == len(medium) - STEP // 4
    assert len(child.asked) == 4


def test_a_stretch_that_breaks_everywhere_ends_and_says_what_was_left(medium):
    deadly = [f"E/@{at}+{STEP // d}" for d in (1, 4) for at in range(2 * STEP, len(medium), STEP // d)]
    child = Child(medium, deadly=deadly)
    found = swept(child, medium)
    assert len(child.asked) == Swept.tries
    named = [Address.parse(f.address).layers[0].span for f in found if isinstance(f, Failure)]
    at, length = named[-1]
    assert at + length == len(medium)
    assert at >= 2 * STEP
    assert {start for start, _ in named} >= set(range(2 * STEP, at, STEP))


def test_the_time_of_all_attempts_is_bounded(medium, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    child = Child(medium, deadly=[f"E/@{at}+{STEP}" for at in range(0, len(medium), STEP)], kind="timeout")
    call = child.call

    def slow(exhibit, request, seconds, take):
        clock[0] += seconds
        return call(exhibit, request, seconds, take)

    child.call = slow
    found = swept(child, medium)
    one = Settings().limits.seconds + Settings().limits.per_mb * len(medium) / 1e6
    assert sum(child.seconds) <= Swept.times * one + 0.001
    at, length = Address.parse([f for f in found if isinstance(f, Failure)][-1].address).layers[0].span
    assert at + length == len(medium)


class Twin(Nobody):
    """Attribution that knows every archive from a deleted file."""

    def has(self, item):
        return item.kind == "application/zip"


def test_what_a_deleted_file_gave_already_is_not_told_twice(medium, undisturbed):
    found = swept(Child(medium), medium, Twin())
    lost = {r.address for r in undisturbed if isinstance(r, Item)} - {r.address for r in found if isinstance(r, Item)}
    archive = next(r.address for r in undisturbed if isinstance(r, Item) and r.kind == "application/zip")
    assert len(lost) == 5
    assert all(address.startswith(archive) for address in lost)
    assert not any(archive in r.address for r in found if isinstance(r, Sighting | Text))


def test_a_bad_sector_costs_its_piece_and_is_named(monkeypatch):
    monkeypatch.setattr(sweeping, "STEP", 4 << 20)
    monkeypatch.setattr(sweeping, "LESS", 1 << 20)
    data, seen, bad = bytearray(12 << 20), [], (5 << 20) + 400_000
    values = {at << 20: b"person%d@verger.example" % at for at in range(12) if at != 5}
    for at, value in values.items():
        data[at + 70_000 : at + 70_000 + len(value)] = value
    told(Bad(bytes(data), bad), asked(data), seen.append)
    records = [r for message in seen if isinstance(message, m.Batch) for r in message.records]
    failures = [r for r in records if isinstance(r, Failure)]
    assert {r.value.encode() for r in records if isinstance(r, Sighting)} == set(values.values())
    for failure in failures:
        at, length = Address.parse(failure.address).layers[0].span
        assert at <= bad < at + length
        assert failure.kind == "damaged"
    unseen = len(data) - sum(sum(r.kinds.values()) for r in records if isinstance(r, Stretch))
    assert 0 < unseen <= 1 << 20
    assert not any(r.offset <= bad < r.offset + sum(r.kinds.values()) for r in records if isinstance(r, Stretch))


@pytest.mark.parametrize("size", [0, 1, 511, 512, 4096, 4097, STEP - 1, STEP, STEP + 1, 2 * STEP + 513])
def test_any_size_is_surveyed_to_its_last_byte(size):
    data = (b"mail anna@verger.example now\n" * (size // 29 + 1))[:size]
    found = swept(Child(data), data)
    assert not [r for r in found if isinstance(r, Failure)]
    assert sum(sum(r.kinds.values()) for r in found if isinstance(r, Stretch)) == size
    if size >= 511:
        assert any(isinstance(r, Sighting) and r.value == "anna@verger.example" for r in found)


def test_tiny_free_ranges_are_read_and_none_twice(medium):
    free = tuple((at, 300) for at in range(0, len(medium), 512))
    seen = []
    told(Memory(medium), asked(medium, free=free), seen.append)
    places = [b.address for b in seen if isinstance(b, m.Batch) and b.records and isinstance(b.records[0], Text)]
    assert len(set(places)) == len(places) > 10


def test_more_sightings_than_one_step_may_tell_are_counted():
    data = b"".join(b"p%06d@verger.example " % n for n in range(STEP // 12))
    seen = []
    told(Memory(data), asked(data, free=()), seen.append, most=1000)
    records = [r for message in seen if isinstance(message, m.Batch) for r in message.records]
    counts = len([r for r in records if isinstance(r, Sighting)])
    left = [int(r.detail.split()[0]) for r in records if isinstance(r, Failure) and r.kind == "limit"]
    assert len(left) == 2
    assert counts == 2000
    assert counts + sum(left) == len(data) // 23


def test_packed_sightings_come_back_in_the_order_of_places():
    rng = random.Random(3)
    places = [rng.randrange(100_000) for _ in range(4500)]
    packed = Packed(0)
    for at in places:
        packed.add(Sighting(f"E/@{at}+3", VERSION, "email", f"v{at}", "raw"))
    assert len(packed) == 4500
    assert sorted(at for at, _ in packed) == sorted(places)
    assert all(s.address == f"E/@{at}+3" for at, s in packed)
    for start in range(0, 100_000, 7000):
        between = sorted(s.value for s in packed.between(start, start + 900))
        assert between == sorted(f"v{at}" for at in places if start <= at < start + 900)


def test_a_piece_of_a_sought_file_raises_a_lead(tmp_path):
    sought = noise(12 * 4096, seed=8)
    (tmp_path / "plan.bin").write_bytes(sought)
    compile_targets([tmp_path / "plan.bin"], tmp_path / "blocks.bin")
    data = bytearray(noise(4 * STEP))
    data[STEP - 3 * 512 : STEP - 3 * 512 + 3 * 4096] = sought[4096 : 4 * 4096]
    seen = []
    told(Memory(bytes(data)), asked(data), seen.append, Blocks((tmp_path / "blocks.bin").read_bytes()))
    records = [r for message in seen if isinstance(message, m.Batch) for r in message.records]
    (lead,) = [r for r in records if isinstance(r, Lead)]
    assert "3 of 12 blocks of the sought file plan.bin" in lead.why
    assert lead.evidence == (f"E/@{STEP - 3 * 512}+{3 * 4096}",)


def test_files_without_a_name_get_the_usual_ending():
    assert [suffix(mime) for mime in ("image/jpeg", "text/plain", "message/rfc822", "x/none")] == [
        ".jpg",
        ".txt",
        ".eml",
        "",
    ]


def test_layers_that_swell_cost_each_other_no_value(monkeypatch):
    monkeypatch.setattr(block, "_HELD", 1 << 20)
    data = bytearray(noise(256 << 10))
    for n in range(20):
        packed = gzip.compress(b"swollen%02d@inside.example " % n + bytes(4 << 20), 9, mtime=0)
        data[n * 12_000 : n * 12_000 + len(packed)] = packed
    seen = []
    told(Memory(bytes(data)), asked(data, free=()), seen.append)
    values = {r.value for b in seen if isinstance(b, m.Batch) for r in b.records if isinstance(r, Sighting)}
    assert values >= {f"swollen{n:02}@inside.example" for n in range(20)}


def packed_words():
    """Noise with words in a stream of zlib, in layers in one another, in a document without its directory, in UTF-16,
    and in a stream whose bytes belong to a file.
    """
    said = "Le colis attend sous le pont de la rivière, السيارة البيضاء قرب السوق المركزي. " * 4
    data = bytearray(noise(6 * STEP, 4))
    inner = base64.b64encode(gzip.compress(f"second {said} deep@inside.example".encode(), mtime=0))
    split = "".join(
        f"<w:r><w:t>{part}</w:t></w:r>" for part in ("third: le co", "lis attend sous le po", "nt de la rivière ")
    )
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f"<w:document><w:p>{split * 9}</w:p></w:document>")
    pieces = {
        STEP + 100: zlib.compress(f"first {said}".encode()),
        2 * STEP + 300: zlib.compress(inner),
        3 * STEP + 700: outer.getvalue()[: outer.getvalue().index(b"PK\1\2")],
        3 * STEP + 9000: zlib.compress(f"fourth {said}".encode("utf-16-le")),
        4 * STEP + 512: zlib.compress(noise(900)),
        5 * STEP + 512: zlib.compress(f"owned {said}".encode()),
    }
    for at, piece in pieces.items():
        data[at : at + len(piece)] = piece
    return bytes(data)


def read_layers(data, **changes):
    records = []
    told(Memory(data), asked(data, free=((0, 5 * STEP),), **changes), lambda message: records.append(message))
    return [r for message in records if isinstance(message, m.Batch) for r in message.records]


def test_words_in_layers_of_free_space_are_read():
    data = packed_words()
    texts = {r.content.split(" ")[0].strip("\n"): r for r in read_layers(data) if isinstance(r, Text)}
    assert {"first", "second", "third:", "fourth"} <= set(texts)
    assert "owned" not in texts
    assert "السوق المركزي" in texts["second"].content
    assert "le colis attend sous le pont" in texts["third:"].content
    for name in ("first", "second", "third:", "fourth"):
        address = Address.parse(texts[name].address)
        where = (*address.layers, Layer("t", "0+20"))
        held = descend(Reader(Memory(data)), where, Address("E"), {}, ())
        assert held.whole().decode() == texts[name].content[:20]


def test_what_a_layer_told_raw_it_does_not_tell_again():
    records = read_layers(packed_words())
    found = [r for r in records if isinstance(r, Sighting) and r.value == "deep@inside.example"]
    assert len(found) == 1


def test_words_in_layers_have_a_bound(monkeypatch):
    monkeypatch.setattr(sweeping, "_WORDS", 5000)
    data = bytearray(noise(2 * STEP, 4))
    packed = zlib.compress(b"words of nobody that go on and on " * 20)
    for n in range(3):
        data[2000 + 4096 * n : 2000 + 4096 * n + len(packed)] = packed
    records = read_layers(bytes(data))
    assert len([r for r in records if isinstance(r, Text) and "nobody" in r.content]) == 1
    assert any(isinstance(r, Failure) and r.kind == "limit" and "words" in r.detail for r in records)


def test_a_layer_that_breaks_the_child_is_left_out():
    data = packed_words()
    where = next(r.address for r in read_layers(data) if isinstance(r, Text) and r.content.startswith("first"))
    records = read_layers(data, avoid=(where,))
    assert not any(isinstance(r, Text) and r.content.startswith("first") for r in records)
    assert any(isinstance(r, Text) and r.content.startswith("second") for r in records)
