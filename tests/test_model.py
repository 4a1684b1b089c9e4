from __future__ import annotations

import msgspec
import pytest

from moisson.model import Event, Failure, Item, Party, Sighting, decode, encode, identity
from moisson.times import Instant

RECORDS = [
    Item("E1/p1/ntfs:5-128-1", "r@1", "ملف.txt", "a/ملف.txt", size=3, modified=Instant(1, "100ns"), meta={"a": [""]}),
    Event("E1/e:1", "r@1", "message", Instant(5), "email", (Party("sender", "email", "a@b.example"),), "subject"),
    Sighting("E1/t:1+2", "r@1", "phone", "+33199000000", "01 99 00 00 00"),
    Failure("E1", "r@1", "damaged", "why"),
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_survives_the_wire(record):
    assert decode(encode(record)) == record


def test_what_is_not_a_record_is_refused():
    for line in (b"{}", b'{"type":"item"}', b'{"type":"failure","address":"E1","run":"r","kind":"boom"}', b"[1]"):
        with pytest.raises(msgspec.ValidationError):
            decode(line)


def test_identity_tells_records_apart_and_knows_them_again():
    assert len({identity(record) for record in RECORDS}) == len(RECORDS)
    assert all(identity(decode(encode(record))) == identity(record) for record in RECORDS)
