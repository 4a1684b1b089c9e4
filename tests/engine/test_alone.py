from __future__ import annotations

import hashlib
import os
import random
import signal

import msgspec
import pytest

from moisson.engine import alone, pieces
from moisson.engine.sandbox import Outcome
from moisson.errors import EvidenceError
from moisson.settings import Settings


@pytest.fixture(scope="module")
def medium(tmp_path_factory):
    path = tmp_path_factory.mktemp("alone") / "disk.dd"
    noise = random.Random(5)
    data = bytearray(noise.randbytes(alone.PIECE + (6 << 20)))
    for n, at in enumerate((4096, 70_001, alone.PIECE - 9, alone.PIECE + 5_000_000)):
        value = f"  person{n}@galerie-delta.example  ".encode()
        data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def sweep(path, workers):
    seen = []
    steps = []
    found = alone.sweep(
        [path], "disk", Settings(), workers, lambda s: seen.extend(s.sightings), lambda done, size: steps.append(done)
    )
    return found, [(s.kind, s.value, s.address) for s in seen if "galerie" in s.value], steps


def test_every_value_is_found_once_across_pieces_and_workers(medium):
    one, seen, steps = sweep(medium, 1)
    assert [value for kind, value, _ in seen if kind == "email"] == [
        f"person{n}@galerie-delta.example" for n in range(4)
    ]
    assert steps[-1] == one.size == medium.stat().st_size
    assert one.digests["sha256"] == hashlib.sha256(medium.read_bytes()).hexdigest()
    two, again, _ = sweep(medium, 2)
    assert sorted(again) == sorted(seen)
    assert two.digests == one.digests
    assert one.failures == two.failures == []


def test_digests_survive_the_loss_of_a_child(medium, monkeypatch):
    start = alone._boxes

    def fragile(*how):
        boxes = start(*how)
        box = boxes.get()
        call = box.call

        def recycled(request, *rest):
            if msgspec.json.decode(request, type=pieces.Piece).start:
                box.recycle()
            return call(request, *rest)

        box.call = recycled
        boxes.put(box)
        return boxes

    monkeypatch.setattr(alone, "_boxes", fragile)
    found, seen, _ = sweep(medium, 1)
    assert found.digests["sha256"] == hashlib.sha256(medium.read_bytes()).hexdigest()
    assert len([value for kind, value, _ in seen if kind == "email"]) == 4


def test_what_is_no_image_any_more_says_so(tmp_path):
    path = tmp_path / "half.E01"
    path.write_bytes(b"EVF\t\r\n\xff\0" + bytes(3000))
    with pytest.raises(EvidenceError):
        sweep(path, 1)


class Box:
    """A sandbox whose child breaks, or cannot read, wherever a piece holds a certain byte."""

    def __init__(self, bad, how):
        self.bad, self.how, self.asked = bad, how, 0

    def call(self, request, descriptors, seconds, take):
        piece = msgspec.json.decode(request, type=pieces.Piece)
        self.asked += 1
        take(msgspec.json.encode(pieces.Seen(stretches=((piece.start, 4096, 1),))))
        broken = piece.start <= self.bad < piece.stop
        if broken and self.how == "crash":
            return Outcome("crash", "SIGSEGV")
        take(msgspec.json.encode(pieces.Ended(piece.stop, error="no data" if broken else "")))
        return Outcome("ok")


@pytest.mark.parametrize("how", ["crash", "unreadable"])
@pytest.mark.parametrize("bad", [0, 5 << 20, (64 << 20) - 1, 64 << 20, (128 << 20) - 1, 1 << 40])
def test_a_piece_that_breaks_is_halved_until_only_what_is_at_fault_is_left_out(bad, how):
    box = Box(bad, how)
    piece = pieces.Piece(("disk",), "disk", Settings(), 0, alone.PIECE, scan=True)
    found = list(alone._run(box, piece, ()))
    assert [r.piece.start for r in found[1:]] == [r.piece.stop for r in found[:-1]]
    assert (found[0].piece.start, found[-1].piece.stop) == (0, alone.PIECE)
    faulty = [r.piece for r in found if r.ended.error]
    assert [p.stop - p.start for p in faulty] == ([alone.LEAST] if bad < alone.PIECE else [])
    assert all(p.start <= bad < p.stop for p in faulty)
    assert [next(iter(r.told.seen())).stretches[0][0] for r in found] == [r.piece.start for r in found]
    assert box.asked <= 9


def test_a_medium_full_of_values_is_told_whole_and_in_order(tmp_path):
    path = tmp_path / "list.dd"
    with path.open("wb") as file:
        for n in range(60_000):
            file.write((b"person%06d@verger.example" % n).ljust(32, b"\n"))
    seen = []
    alone.sweep([path], "list", Settings(), 2, lambda s: seen.extend(s.sightings))
    assert [s.value for s in seen] == [f"person{n:06}@verger.example" for n in range(60_000)]


def test_the_death_of_the_process_that_forks_children_costs_nothing(medium, monkeypatch):
    made, seen = [], []
    forks = alone._forks

    def kept(settings):
        made.append(forks(settings))
        return made[0]

    def take(message):
        if not seen:
            os.kill(made[0].zygote().pid, signal.SIGKILL)
        seen.extend(message.sightings)

    undisturbed, expected, _ = sweep(medium, 2)
    monkeypatch.setattr(alone, "_forks", kept)
    found = alone.sweep([medium], "disk", Settings(), 2, take)
    assert found.digests == undisturbed.digests
    assert found.failures == []
    assert sorted((s.kind, s.value, s.address) for s in seen if "galerie" in s.value) == sorted(expected)
