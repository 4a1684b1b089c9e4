"""The sweep without a case: one image or device in, sightings out, as fast as the cores allow."""

from __future__ import annotations

import gc
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct

from moisson.engine.confine import Confinement
from moisson.engine.sandbox import Caps, Sandbox
from moisson.engine.spool import Spool
from moisson.errors import EvidenceError
from moisson.evidence import image
from moisson.model import Failure, Sighting
from moisson.reader import Reader
from moisson.scan import anchors
from moisson.scan import sample as sampling
from moisson.scan import sweep as scanning
from moisson.scan.sample import Sample
from moisson.selectors import find
from moisson.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from moisson.engine.channel import Channel
    from moisson.evidence.image import Image

PIECE, LEAST = 128 << 20, 8 << 20
PRELOAD = ("moisson.engine.alone:warm",)
_BATCH, _FAULTS = 2000, 1000
_MESSAGE = 64 << 20
# What is only hashed is read in parts that stay in the cache of a core.
_READ = 256 << 10
_SECONDS, _PER_MB = 60.0, 2.0


class Piece(Struct, frozen=True, tag="piece"):
    """What a child is to do from `start` to `stop`: scan, or only read; it hashes what goes on where it ended.

    With `sample` it looks at some places of the medium instead.
    """

    names: tuple[str, ...]
    base: str
    settings: Settings
    start: int
    stop: int
    scan: bool = True
    sample: bool = False


class Seen(Struct, frozen=True, tag="seen"):
    """Some sightings, how much of the medium is what (offset, length, flags of `scan.gates`), what cannot be read."""

    sightings: tuple[Sighting, ...] = ()
    stretches: tuple[tuple[int, int, int], ...] = ()
    failures: tuple[Failure, ...] = ()


class Ended(Struct, frozen=True, tag="ended"):
    """A piece is done, or failed for `error`; `digests` come once every byte from the first to the last went by.

    `faults` (offset, length, reason) are what the image could not give so far and counts as zeros.
    """

    size: int
    digests: dict[str, str] = {}
    stored: dict[str, str] = {}
    faults: tuple[tuple[int, int, str], ...] = ()
    error: str = ""
    places: int = 0
    counts: dict[str, int] = {}


_pieces = msgspec.json.Decoder(Piece)
_replies: msgspec.json.Decoder[Seen | Ended] = msgspec.json.Decoder(Seen | Ended)
_encode = msgspec.json.encode


class Outcome(NamedTuple):
    """What a sweep came to: digests by algorithm (those that the image itself states under `stored`)."""

    size: int
    digests: dict[str, str]
    stored: dict[str, str]
    failures: list[Failure]
    faults: list[tuple[int, int, str]]


class Told:
    """What one piece answered so far; it waits packed for those before it."""

    def __init__(self) -> None:
        self.spool = Spool()
        self.ended = Ended(0, error="it ended without a word")

    def take(self, message: bytes) -> None:
        """Take one message."""
        reply = _replies.decode(message)
        if isinstance(reply, Seen):
            self.spool.add(message)
        else:
            self.ended = reply

    def seen(self) -> Iterator[Seen]:
        """All that was seen, once; then there is no more."""
        for message in self.spool:
            reply = _replies.decode(message)
            assert isinstance(reply, Seen)
            yield reply
        self.spool.close()


class Result(NamedTuple):
    """A finished piece."""

    piece: Piece
    told: Told

    @property
    def ended(self) -> Ended:
        """How it ended."""
        return self.told.ended


def sweep(
    paths: Sequence[Path],
    base: str,
    settings: Settings,
    workers: int,
    take: Callable[[Seen], None],
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> Outcome:
    """Sweep the medium that `paths` hold; `take` and `progress` are called in this thread, in the order of the medium.

    A piece that breaks its child is halved until only what is at fault is left out. Raises `EvidenceError` when the
    image cannot be opened, `SandboxError` where children cannot be confined.
    """
    with ExitStack() as stack:
        descriptors = _descriptors(stack, paths)
        boxes = _boxes(stack, settings, workers)
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        names = tuple(p.name for p in paths)

        def run(piece: Piece) -> list[Result]:
            box = boxes.get()
            try:
                return list(_run(box, piece, descriptors))
            finally:
                boxes.put(box)

        size = _opened(run(Piece(names, base, settings, 0, 0, scan=False)))
        digests, stored, failures = dict[str, str](), dict[str, str](), list[Failure]()
        faults = set[tuple[int, int, str]]()
        done = 0
        if workers > 1:
            hashing = pool.submit(run, Piece(names, base, settings, 0, size, scan=False))
        pieces = [Piece(names, base, settings, start, stop) for start, stop in _cut(size, workers)]
        for results in _in_order(pool, run, pieces, 2 * workers):
            for piece, told in results:
                ended = told.ended
                done += piece.stop - piece.start
                for each in told.seen():
                    take(each)
                    failures += each.failures
                if ended.error:
                    where = f"{base}/@{piece.start}+{piece.stop - piece.start}"
                    failures.append(Failure(where, "engine.sweep@1", "crash", ended.error))
                faults |= set(ended.faults)
                digests, stored = ended.digests or digests, ended.stored or stored
            progress(done, size)
        if workers > 1:
            for result in hashing.result():
                digests, stored = result.ended.digests, result.ended.stored
        return Outcome(size, digests, stored, failures, sorted(faults))


def sample(paths: Sequence[Path], settings: Settings) -> Sample:
    """Guess what the medium that `paths` hold is full of; errors as in `sweep`."""
    with ExitStack() as stack:
        descriptors = _descriptors(stack, paths)
        box = stack.enter_context(_sandbox(settings))
        names = tuple(p.name for p in paths)
        found = list(_run(box, Piece(names, "", settings, 0, 0, scan=False, sample=True), descriptors))
    ended = found[0].ended
    return Sample(ended.places, _opened(found), ended.counts)


def _descriptors(stack: ExitStack, paths: Sequence[Path]) -> list[int]:
    """The open files, until the stack ends."""
    found: list[int] = []
    for path in paths:
        try:
            found.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            raise EvidenceError(f"{path} cannot be read: {error.strerror}") from error
        stack.callback(os.close, found[-1])
    return found


def _opened(results: list[Result]) -> int:
    ended = results[0].ended
    if ended.error:
        raise EvidenceError(ended.error)
    return ended.size


def _sandbox(settings: Settings) -> Sandbox:
    limits = Confinement(data_mb=settings.limits.memory_mb)
    return Sandbox("moisson.engine.alone:serve", PRELOAD, limits, caps=Caps(message=_MESSAGE))


def _boxes(stack: ExitStack, settings: Settings, workers: int) -> SimpleQueue[Sandbox]:
    """So many sandboxes, started at the same time and closed with the stack."""
    made = [_sandbox(settings) for _ in range(workers)]
    boxes: SimpleQueue[Sandbox] = SimpleQueue()
    for box in made:
        stack.callback(box.close)
        boxes.put(box)
    with ThreadPoolExecutor(workers) as starting:
        others = [starting.submit(box.start) for box in made[1:]]
        made[0].start()
        for other in others:
            other.result()
    return boxes


def _cut(size: int, workers: int) -> Iterator[tuple[int, int]]:
    """The pieces, smaller towards the end so that several workers end together."""
    at = 0
    while at < size or not at:
        share = (size - at) // (2 * workers) // LEAST * LEAST if workers > 1 else PIECE
        stop = min(size, at + min(PIECE, max(2 * LEAST, share)))
        yield at, stop
        if stop == size:
            return
        at = stop


def _in_order(
    pool: ThreadPoolExecutor, run: Callable[[Piece], list[Result]], pieces: Sequence[Piece], ahead: int
) -> Iterator[list[Result]]:
    """Results in the order of the pieces, never more than `ahead` of them waiting."""
    flying: dict[int, Any] = {}
    given = 0
    for turn in range(len(pieces)):
        while given < len(pieces) and given - turn < ahead:
            flying[given] = pool.submit(run, pieces[given])
            given += 1
        yield flying.pop(turn).result()


def _run(box: Sandbox, piece: Piece, descriptors: Sequence[int]) -> Iterator[Result]:
    """Have a piece done, by halves where it breaks or cannot be read."""
    told = Told()
    seconds = _SECONDS + _PER_MB * (piece.stop - piece.start) / 1e6
    outcome = box.call(_encode(piece), descriptors, seconds, told.take)
    length = piece.stop - piece.start
    if outcome.kind != "ok":
        told.ended = Ended(0, error=f"{outcome.kind} {outcome.detail}".strip())
    if not told.ended.error or not piece.scan or length <= LEAST:
        yield Result(piece, told)
        return
    told.spool.close()
    middle = piece.start + max(LEAST, length // 2 // LEAST * LEAST)
    yield from _run(box, msgspec.structs.replace(piece, stop=middle), descriptors)
    yield from _run(box, msgspec.structs.replace(piece, start=middle), descriptors)


class Server:
    """The state of one child: the image, opened once, and the digests of what went by."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.image: Image | None = None
        self.hashed = 0
        self.hashes: dict[str, Any] = {}

    def answer(self, piece: Piece, descriptors: Sequence[int]) -> None:
        """Carry out one piece."""
        if self.image is None:
            parts = [(n, image.Descriptor(fd)) for n, fd in zip(piece.names, descriptors, strict=True)]
            self.image = image.open_image(parts)
            self._start()
        else:
            for descriptor in descriptors:
                os.close(descriptor)
        if piece.sample:
            found = sampling.sample(Reader(self.image), piece.settings.seed)
            self.channel.send(_encode(Ended(self.image.size, places=found.places, counts=found.counts)))
            return
        if piece.start == 0:
            self._start()
        if piece.scan:
            self._scan(piece, self.image)
        else:
            self._read(piece, self.image)
        whole = piece.stop >= self.image.size and self.hashed == self.image.size
        digests = {name: h.hexdigest() for name, h in self.hashes.items()} if whole else {}
        faults = tuple(self.image.errors()[:_FAULTS])
        self.channel.send(_encode(Ended(self.image.size, digests, dict(self.image.stored), faults)))

    def _start(self) -> None:
        assert self.image is not None
        names = ("sha256", "md5", *(("sha1",) if "sha1" in self.image.stored else ()))
        self.hashed, self.hashes = 0, {name: hashlib.new(name, usedforsecurity=False) for name in names}

    def _hash(self, at: int, data: bytes | memoryview) -> None:
        if at == self.hashed:
            for h in self.hashes.values():
                h.update(data)
            self.hashed += len(data)

    def _read(self, piece: Piece, medium: Image) -> None:
        at = piece.start
        while at < piece.stop and (data := medium.pread(at, min(_READ, piece.stop - at))):
            self._hash(at, data)
            at += len(data)

    def _scan(self, piece: Piece, medium: Image) -> None:
        context = find.Context(regions=piece.settings.regions, languages=piece.settings.languages)
        options = scanning.Options(context=context, words=False, repeats=0)
        sightings: list[Sighting] = []
        stretches: list[tuple[int, int, int]] = []
        found = scanning.sweep(Reader(medium), piece.base, piece.start, piece.stop, options, (self._hash,))
        for each in found:
            if isinstance(each, Sighting):
                sightings.append(each)
            elif isinstance(each, Failure):
                self.hashed = -1
                self.channel.send(_encode(Seen(failures=(each,))))
            elif isinstance(each, scanning.Stretch):
                stretches.append((each.start, each.length, each.flags))
            if len(sightings) + len(stretches) >= _BATCH:
                self.channel.send(_encode(Seen(tuple(sightings), tuple(stretches))))
                sightings, stretches = [], []
        self.channel.send(_encode(Seen(tuple(sightings), tuple(stretches))))


def warm() -> None:
    """Compile the anchors where children inherit them."""
    for matcher in (anchors.everywhere(), anchors.in_text()):
        matcher.match(b"a@example.org +33612345678")


def serve(channel: Channel) -> None:
    """Answer until the trusted side hangs up."""
    # What a sweep makes holds no cycles, and there is much of it.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    server = Server(channel)
    while (received := channel.receive()) is not None:
        piece = _pieces.decode(received[0])
        try:
            server.answer(piece, received[1])
        except (EvidenceError, OSError) as error:
            channel.send(_encode(Ended(0, error=str(error)[:500])))
