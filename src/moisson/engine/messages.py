"""What the trusted worker and its confined child say to each other: data only, checked against these types."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from moisson.evidence.filesystem import Entry, Fault
from moisson.model import Extent, FailureKind, Record, Sighting, State
from moisson.settings import Settings
from moisson.times import Instant


class Place(Struct, frozen=True):
    """A volume of an exhibit: the layers that lead to it (printed) and the scheme of its file system."""

    layers: tuple[str, ...]
    kind: str
    offset: int = 0
    size: int = 0
    label: str = ""


class Wanted(Struct, frozen=True):
    """A file of a volume, as it was listed, or a carved one; `kind` is asked where its bytes do not say."""

    address: str
    name: str
    path: str
    size: int = 0
    state: State = "live"
    flags: tuple[str, ...] = ()
    modified: Instant | None = None
    accessed: Instant | None = None
    changed: Instant | None = None
    created: Instant | None = None
    slack: int = 0
    run: str = "engine.read@1"
    kind: str = ""
    parent: str = ""
    role: str = ""


class Scan(Struct, frozen=True, tag="scan"):
    """Find the volumes of an exhibit."""

    exhibit: str


class Digest(Struct, frozen=True, tag="digest"):
    """Hash the decoded medium of an exhibit."""

    exhibit: str


class List(Struct, frozen=True, tag="list"):
    """List the entries of one volume."""

    exhibit: str
    place: Place


class Sample(Struct, frozen=True, tag="sample"):
    """Guess what the medium of an exhibit holds."""

    exhibit: str


class Map(Struct, frozen=True, tag="map"):
    """Tell which item holds which bytes of every medium of an exhibit."""

    exhibit: str


class Read(Struct, frozen=True, tag="read"):
    """Read one file and all in it; `avoid` are addresses that broke a reader before, `plain` tries no format."""

    exhibit: str
    item: Wanted
    avoid: tuple[str, ...] = ()
    plain: bool = False


class Sweep(Struct, frozen=True, tag="sweep"):
    """Read a stretch of a medium byte by byte; `layers` lead to the medium.

    `free` are the ranges that no live file holds, from somewhat before `start` to somewhat beyond `stop`; `dead` are
    those in which deleted files lie. `avoid` as in `Read`.
    """

    exhibit: str
    layers: tuple[str, ...]
    start: int
    stop: int
    free: tuple[tuple[int, int], ...] = ()
    dead: tuple[tuple[int, int], ...] = ()
    avoid: tuple[str, ...] = ()


class Fetch(Struct, frozen=True, tag="fetch"):
    """Give the bytes at an address; `names` are the file names known for addresses on the way, kinds likewise."""

    address: str
    names: dict[str, str] = {}
    limit: int = 1 << 30


Request = Scan | Sample | Digest | List | Map | Read | Sweep | Fetch


class Ask(Struct, frozen=True, tag="ask"):
    """The child needs the exhibit's files, or one path of a folder, or to know whether a digest is a known file."""

    what: str
    exhibit: str = ""
    path: str = ""
    sha256: str = ""
    md5: str = ""
    sha1: str = ""


class Opening(Struct, frozen=True):
    """How an exhibit is delivered; the descriptors of `parts` travel beside it in the same order.

    With `notes` there is one more, of what another child found out about this exhibit; `keys` are those it derived.
    With `sought` there is a last one, the blocks of files that are sought.
    """

    kind: str
    parts: tuple[str, ...]
    settings: Settings
    known: tuple[str, ...] = ()
    notes: bool = False
    keys: tuple[str, ...] = ()
    sought: bool = False


class Page(Struct, frozen=True):
    """Some files of a folder: percent-encoded relative path, size, time of change in ns.

    Then come pages of what was left out (percent-encoded path and reason), last an empty one.
    """

    files: tuple[tuple[str, int, int], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


class Found(Struct, frozen=True, tag="found"):
    """Volumes of an exhibit, and what was locked or damaged on the way."""

    places: tuple[Place, ...]
    failures: tuple[Record, ...] = ()
    facts: dict[str, str | int] = {}


class Sampled(Struct, frozen=True, tag="sampled"):
    """How many places of how many bytes were looked at, and how many are of which sort; before it, what stood there."""

    places: int
    size: int
    counts: dict[str, int]
    sightings: tuple[Sighting, ...] = ()


class Listed(Struct, frozen=True, tag="listed"):
    """Some entries of a volume."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[Fault, ...] = ()


class Mapped(Struct, frozen=True, tag="mapped"):
    """Some extents; `media` are the mapped media (printed layers) and their sizes, at the end."""

    extents: tuple[Extent, ...] = ()
    media: tuple[tuple[tuple[str, ...], int], ...] = ()


class Hashed(Struct, frozen=True, tag="hashed"):
    """The digests of a decoded medium beside those stored in its image, and the ranges that failed their checksum."""

    size: int
    digests: dict[str, str]
    stored: dict[str, str]
    errors: tuple[tuple[int, int, str], ...] = ()
    flags: tuple[str, ...] = ()


class Begin(Struct, frozen=True, tag="begin"):
    """The child takes an item in hand."""

    address: str


class Part(Struct, frozen=True, tag="part"):
    """The next part of the text of the item begun last, when it is too long for one message; `Batch` has the end."""

    address: str
    content: str


class Batch(Struct, frozen=True, tag="batch"):
    """The item begun last is done; these are its records."""

    address: str
    records: tuple[Record, ...]


class Bytes(Struct, frozen=True, tag="bytes"):
    """A piece of what was fetched, base64 on the wire."""

    data: bytes


class Notes(Struct, frozen=True, tag="notes"):
    """What this child found out about its exhibit and the next one need not, piece by piece; nothing else reads it."""

    exhibit: str
    data: bytes = b""
    last: bool = True
    keys: tuple[str, ...] = ()


class Refused(Struct, frozen=True, tag="refused"):
    """The request failed as a whole, for a reason of the evidence."""

    kind: FailureKind
    detail: str


Reply = Found | Sampled | Listed | Mapped | Hashed | Begin | Part | Batch | Bytes | Notes | Refused | Ask

requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
pages: msgspec.json.Decoder[Page] = msgspec.json.Decoder(Page)
openings: msgspec.json.Decoder[Opening] = msgspec.json.Decoder(Opening)
encode = msgspec.json.encode
