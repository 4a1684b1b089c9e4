"""The sweep without a case: one image or device in, sightings out, as fast as the cores allow."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from moisson.engine.confine import Confinement
from moisson.engine.forks import Caps, Forks
from moisson.engine.pieces import Ended, Piece, Seen, encode, replies
from moisson.engine.sandbox import Sandbox
from moisson.engine.spool import Spool
from moisson.errors import EvidenceError
from moisson.model import Failure
from moisson.scan.shares import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from moisson.settings import Settings

PIECE, LEAST = 128 << 20, 8 << 20
PRELOAD = ("moisson.engine.lone:warm",)
_MESSAGE = 64 << 20
# So many sightings and ranges of a piece wait as they are, the others packed.
_KEPT = 100_000
_SECONDS, _PER_MB = 60.0, 2.0


class Outcome(NamedTuple):
    """What a sweep came to: digests by algorithm (those that the image itself states under `stored`)."""

    size: int
    digests: dict[str, str]
    stored: dict[str, str]
    failures: list[Failure]
    faults: list[tuple[int, int, str]]


class Told:
    """What one piece answered so far; it waits for those before it."""

    def __init__(self) -> None:
        self.ended = Ended(0, error="it ended without a word")
        self._seen: list[Seen] = []
        self._left, self._spool = _KEPT, Spool()

    def take(self, message: bytes) -> None:
        """Take one message."""
        reply = replies.decode(message)
        if not isinstance(reply, Seen):
            self.ended = reply
            return
        self._left -= len(reply.sightings) + len(reply.stretches)
        if self._left >= 0:
            self._seen.append(reply)
        else:
            self._spool.add(message)

    def seen(self) -> Iterator[Seen]:
        """All that was seen, once; then there is no more."""
        yield from self._seen
        for message in self._spool:
            reply = replies.decode(message)
            assert isinstance(reply, Seen)
            yield reply
        self.forget()

    def forget(self) -> None:
        """Let go of what was seen."""
        self._seen = []
        self._spool.close()


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
        forks = stack.enter_context(_forks(settings))
        boxes = _boxes(stack, forks, workers)
        hashing = stack.enter_context(Sandbox(forks))
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        beside = stack.enter_context(ThreadPoolExecutor(1))
        hashed: list[Future[list[Result]]] = []

        def run(piece: Piece) -> list[Result]:
            box = boxes.get()
            try:
                return list(_run(box, piece, descriptors))
            finally:
                boxes.put(box)

        def give(piece: Piece) -> Future[list[Result]]:
            if not piece.digest:
                # Soon before it is scanned, so that the medium itself is read once.
                part = replace(piece, scan=False, digest=True)
                hashed.append(beside.submit(lambda: list(_run(hashing, part, descriptors))))
            return pool.submit(run, piece)

        medium = Piece(tuple(p.name for p in paths), base, settings)
        size = _opened(run(medium))
        digests, stored, failures = dict[str, str](), dict[str, str](), list[Failure]()
        faults = set[tuple[int, int, str]]()
        done = 0
        alone = workers == 1
        pieces = [
            replace(medium, start=start, stop=stop, scan=True, digest=alone) for start, stop in _cut(size, workers)
        ]
        for results in _in_order(give, pieces, 2 * workers):
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
        for part in hashed:
            digests = part.result()[-1].ended.digests
        if not digests and not any(failure.kind == "damaged" for failure in failures):
            # A child that broke has taken with it what it had hashed.
            digests = run(replace(medium, stop=size, digest=True))[-1].ended.digests
        return Outcome(size, digests, stored, failures, sorted(faults))


def sample(paths: Sequence[Path], base: str, settings: Settings, take: Callable[[Seen], None] | None = None) -> Sample:
    """Guess what the medium that `paths` hold is full of; errors as in `sweep`.

    `take` gets the selectors of each place that holds any.
    """
    with ExitStack() as stack:
        descriptors = _descriptors(stack, paths)
        box = stack.enter_context(Sandbox(stack.enter_context(_forks(settings))))
        names = tuple(p.name for p in paths)
        piece = Piece(names, base, settings, scan=take is not None, sample=True)
        (result,) = _run(box, piece, descriptors)
    size, ended = _opened([result]), result.ended
    if take:
        for seen in result.told.seen():
            take(seen)
    return Sample(ended.places, size, ended.counts)


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


def _forks(settings: Settings) -> Forks:
    limits = Confinement(data_mb=settings.limits.memory_mb)
    return Forks("moisson.engine.lone:serve", PRELOAD, limits, caps=Caps(message=_MESSAGE))


def _boxes(stack: ExitStack, forks: Forks, workers: int) -> SimpleQueue[Sandbox]:
    """So many sandboxes, closed with the stack."""
    boxes: SimpleQueue[Sandbox] = SimpleQueue()
    for _ in range(workers):
        boxes.put(stack.enter_context(Sandbox(forks)))
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
    give: Callable[[Piece], Future[list[Result]]], pieces: Sequence[Piece], ahead: int
) -> Iterator[list[Result]]:
    """Results in the order of the pieces, never more than `ahead` of them given out and waiting."""
    flying: deque[Future[list[Result]]] = deque()
    for piece in pieces:
        if len(flying) == ahead:
            yield flying.popleft().result()
        flying.append(give(piece))
    while flying:
        yield flying.popleft().result()


def _run(box: Sandbox, piece: Piece, descriptors: Sequence[int]) -> Iterator[Result]:
    """Have a piece done, by halves where it breaks or cannot be read."""
    told = Told()
    seconds = _SECONDS + _PER_MB * (piece.stop - piece.start) / 1e6
    outcome = box.call(encode(piece), descriptors, seconds, told.take)
    length = piece.stop - piece.start
    if outcome.kind != "ok":
        told.ended = Ended(0, error=f"{outcome.kind} {outcome.detail}".strip())
    if not told.ended.error or not piece.scan or length <= LEAST:
        yield Result(piece, told)
        return
    told.forget()
    middle = piece.start + max(LEAST, length // 2 // LEAST * LEAST)
    yield from _run(box, replace(piece, stop=middle), descriptors)
    yield from _run(box, replace(piece, start=middle), descriptors)
