"""The confined side of the stand-alone sweep: one child reads, hashes, scans or samples the pieces it is given."""

from __future__ import annotations

import gc
import hashlib
import os
from typing import TYPE_CHECKING, Any

from moisson.engine.pieces import Ended, Seen, encode, pieces
from moisson.errors import EvidenceError
from moisson.evidence import image
from moisson.model import Failure, Sighting
from moisson.reader import Reader
from moisson.scan import anchors
from moisson.scan import sample as sampling
from moisson.scan import sweep as scanning
from moisson.selectors import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.engine.channel import Channel
    from moisson.engine.pieces import Piece
    from moisson.evidence.image import Image
    from moisson.scan.shares import Sample

_BATCH, _FAULTS = 2000, 1000
# What is only hashed is read in parts that stay in the cache of a core.
_READ = 256 << 10


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
            found = self._sample(piece, self.image)
            self.channel.send(encode(Ended(self.image.size, places=found.places, counts=found.counts)))
            return
        if piece.start == 0:
            self._start()
        if piece.scan:
            self._scan(piece, self.image)
        elif piece.digest:
            self._read(piece, self.image)
        whole = piece.stop >= self.image.size and self.hashed == self.image.size
        digests = {name: h.hexdigest() for name, h in self.hashes.items()} if whole else {}
        faults = tuple(self.image.errors()[:_FAULTS])
        self.channel.send(encode(Ended(self.image.size, digests, dict(self.image.stored), faults)))

    def _sample(self, piece: Piece, medium: Image) -> Sample:
        context = find.Context(regions=piece.settings.regions, languages=piece.settings.languages)
        options = scanning.Options(context=context, words=False, flags=False)

        def look(at: int, data: bytes) -> None:
            found = scanning.sweep(reader, piece.base, at, at + len(data), options) if piece.scan else ()
            if sightings := tuple(each for each in found if isinstance(each, Sighting)):
                self.channel.send(encode(Seen(sightings)))

        reader = Reader(medium)
        return sampling.sample(reader, piece.settings.seed, look=look)

    def _start(self) -> None:
        assert self.image is not None
        names = ("sha256", *(name for name in ("md5", "sha1") if name in self.image.stored))
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
        consumers = (self._hash,) if piece.digest else ()
        found = scanning.sweep(Reader(medium), piece.base, piece.start, piece.stop, options, consumers)
        for each in found:
            if isinstance(each, Sighting):
                sightings.append(each)
            elif isinstance(each, Failure):
                self.hashed = -1
                self.channel.send(encode(Seen(failures=(each,))))
            elif isinstance(each, scanning.Stretch):
                stretches.append((each.start, each.length, each.flags))
            if len(sightings) + len(stretches) >= _BATCH:
                self.channel.send(encode(Seen(tuple(sightings), tuple(stretches))))
                sightings, stretches = [], []
        self.channel.send(encode(Seen(tuple(sightings), tuple(stretches))))


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
        piece = pieces.decode(received[0])
        try:
            server.answer(piece, received[1])
        except (EvidenceError, OSError) as error:
            channel.send(encode(Ended(0, error=str(error)[:500])))
