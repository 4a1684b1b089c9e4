"""What runs inside the confined child: it answers requests about one exhibit, and asks for the files it needs."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from moisson.address import Address
from moisson.engine import messages as m
from moisson.engine.asked import Asked
from moisson.engine.delivery import lots, messages
from moisson.engine.extents import extents, medium_of
from moisson.engine.opened import Opened, failure_kind
from moisson.engine.read import Walk
from moisson.engine.resolve import descend
from moisson.engine.sweep import Sweep
from moisson.errors import EvidenceError
from moisson.evidence import volume
from moisson.evidence.filesystem import Fault
from moisson.model import Failure, Sighting
from moisson.reader import Reader
from moisson.scan.sample import sample
from moisson.scan.sweep import Options, sweep
from moisson.selectors import find
from moisson.settings import Settings

if TYPE_CHECKING:
    from moisson.engine.channel import Channel
    from moisson.model import Record

    Records = list[Record]

_BATCH = 500
_SEEN, _TOLD = 20_000, 2000
_PIECE = 4 << 20


class Server:
    """The state of one child: one exhibit, opened once."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.opened: Opened | None = None
        self.opening = m.Opening("", (), Settings())

    def exhibit(self, name: str) -> Opened:
        """The exhibit, opened on first use with what the trusted side hands over."""
        if self.opened is None or self.opened.exhibit != name:
            answer, descriptors = self.channel.ask(m.encode(m.Ask("exhibit", name)))
            self.opening = m.openings.decode(answer)
            files = Asked(self.channel, name) if self.opening.kind == "folder" else None
            self.opened = Opened(name, self.opening, descriptors, files)
        return self.opened

    def answer(self, request: m.Request) -> None:
        """Carry out one request; what the evidence is at fault for goes back as `Refused`."""
        try:
            match request:
                case m.Scan():
                    self.scan(request)
                case m.List():
                    self.list(request)
                case m.Map():
                    self.map(request)
                case m.Read():
                    self.read(request)
                case m.Sweep():
                    self.sweep(request)
                case m.Sample():
                    self.sample(request)
                case m.Digest():
                    self.digest(request)
                case m.Fetch():
                    self.fetch(request)
        except (EvidenceError, OSError) as error:
            kind = failure_kind(error)
            self.channel.send(m.encode(m.Refused(kind, str(error)[:500])))  # type: ignore[arg-type]
        self.tell()

    def tell(self) -> None:
        """Hand out what was found out about the exhibit, for the child that comes after this one."""
        if self.opened is None:
            return
        notes, keys = self.opened.news()
        if keys or notes:
            pieces = [notes[at : at + _PIECE] for at in range(0, len(notes), _PIECE)] or [b""]
            for n, piece in enumerate(pieces, 1):
                self.channel.send(m.encode(m.Notes(self.opened.exhibit, piece, n == len(pieces), keys)))

    def scan(self, request: m.Scan) -> None:
        """Find the volumes."""
        places: list[m.Place] = []
        failures: list[Record] = []
        opened = self.exhibit(request.exhibit)
        for place in opened.places():
            if isinstance(place, m.Place):
                places.append(place)
                continue
            where = str(Address(request.exhibit, tuple(place.layers)))
            kind = "password" if isinstance(place, volume.Locked) else "damaged"
            named = f"{place.kind}: {place.detail}" if isinstance(place, volume.Locked) else place.detail
            failures.append(Failure(where, "evidence.volume@1", kind, named))  # type: ignore[arg-type]
        facts: dict[str, str | int] = {}
        if opened.files is None and not any(p.kind in ("zip", "tar") for p in places):
            facts = {"container": opened.image.kind, "size": opened.image.size, "present": opened.image.present}
            facts |= {"flags": " ".join(opened.image.flags)}
        self.channel.send(m.encode(m.Found(tuple(places), tuple(failures), facts)))

    def list(self, request: m.List) -> None:
        """List the entries of a volume."""
        system = self.exhibit(request.exhibit).mount(request.place.layers, request.place.kind)
        for lot in lots(system.entries(), _BATCH, lambda each: len(each.path) + 2 * len(each.locator)):
            faults = tuple(each for each in lot if isinstance(each, Fault))
            entries = tuple(each for each in lot if not isinstance(each, Fault))
            self.channel.send(m.encode(m.Listed(entries, faults)))

    def map(self, request: m.Map) -> None:
        """Tell what every volume of an image says of its bytes; one that cannot be listed is left out."""
        opened = self.exhibit(request.exhibit)
        media: dict[tuple[str, ...], int] = {(): opened.image.size}
        for place in opened.places():
            if isinstance(place, m.Place):
                medium = medium_of(place.layers)
                media[medium] = opened.medium(medium).size
                with suppress(EvidenceError):
                    for lot in lots(extents(opened, place), _BATCH, lambda each: len(each.address)):
                        self.channel.send(m.encode(m.Mapped(lot)))
        self.channel.send(m.encode(m.Mapped(media=tuple(media.items()))))

    def read(self, request: m.Read) -> None:
        """Read one file and all that is in it."""
        address = Address.parse(request.item.address)
        opened = self.exhibit(request.exhibit)
        walk = self.walk()
        data, _ = opened.file(address)
        slack = None
        if request.item.slack:
            outer, entry, _ = opened.split(address)
            if entry is not None:
                slack = opened.mount([str(layer) for layer in outer], entry.scheme).slack(entry.locator)
        walk.read(request, data, slack)

    def walk(self) -> Walk:
        """What reads an item of this exhibit and all in it."""
        return Walk(
            self.opening.settings,
            self.known if self.opening.known else None,
            self.opening.known,
            lambda where: self.channel.send(m.encode(m.Begin(where))),
            self.done,
        )

    def done(self, where: str, records: Records) -> None:
        """Hand over what was found at one place, in as many messages as it takes."""
        for message in messages(where, records):
            self.channel.send(message)

    def sweep(self, request: m.Sweep) -> None:
        """Read a stretch of a medium byte by byte."""
        medium = self.exhibit(request.exhibit).medium(request.layers)
        Sweep(medium, request, self.walk(), self.done, self.exhibit(request.exhibit).sought).run()

    def sample(self, request: m.Sample) -> None:
        """Look at some places of the medium."""
        image = self.exhibit(request.exhibit).image
        settings, seen = self.opening.settings, list[Sighting]()
        context = find.Context(regions=settings.regions, languages=settings.languages)
        options = Options(context=context, words=False, flags=False)

        def look(at: int, data: bytes) -> None:
            if len(seen) < _SEEN:
                found = sweep(reader, request.exhibit, at, at + len(data), options)
                seen.extend(each for each in found if isinstance(each, Sighting))

        reader = Reader(image)
        found = sample(reader, settings.seed, look=look)
        for at in range(0, len(seen), _TOLD):
            self.channel.send(m.encode(m.Sampled(0, 0, {}, tuple(seen[at : at + _TOLD]))))
        self.channel.send(m.encode(m.Sampled(found.places, found.size, found.counts)))

    def known(self, digests: dict[str, str]) -> bool:
        """Ask whether these digests are those of a known file."""
        ask = m.Ask("known", sha256=digests.get("sha256", ""), md5=digests.get("md5", ""), sha1=digests.get("sha1", ""))
        return self.channel.ask(m.encode(ask))[0] == b"1"

    def digest(self, request: m.Digest) -> None:
        """Hash the decoded medium."""
        image = self.exhibit(request.exhibit).image
        hashes = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
        if "sha1" in image.stored:
            hashes["sha1"] = hashlib.sha1(usedforsecurity=False)
        at, present = 0, min(image.size, image.present)
        while at < present and (data := image.pread(at, min(4 << 20, present - at))):
            for h in hashes.values():
                h.update(data)
            at += len(data)
        digests = {name: h.hexdigest() for name, h in hashes.items()}
        errors = tuple(image.errors())[:1000]
        self.channel.send(m.encode(m.Hashed(at, digests, dict(image.stored), errors, tuple(image.flags))))

    def fetch(self, request: m.Fetch) -> None:
        """Send the bytes at an address."""
        address = Address.parse(request.address)
        opened = self.exhibit(address.exhibit)
        data, inner = opened.file(address)
        base = Address(address.exhibit, address.layers[: len(address.layers) - len(inner)])
        data = descend(data, inner, base, request.names, self.opening.settings.passwords)
        left = request.limit
        for chunk in data.chunks():
            self.channel.send(m.encode(m.Bytes(chunk[:left])))
            left -= len(chunk)
            if left <= 0:
                return


def serve(channel: Channel) -> None:
    """Answer requests until the trusted side hangs up."""
    server = Server(channel)
    while (received := channel.receive()) is not None:
        server.answer(m.requests.decode(received[0]))
