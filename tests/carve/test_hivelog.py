from __future__ import annotations

import random
import struct

import pytest

from moisson.carve.find import find
from moisson.carve.ground import Carved
from moisson.identify.kind import identify
from moisson.reader import Reader
from tests.carve.made import hive_log
from tests.conftest import unpack

KIND = "application/x-ms-regf-log"
LOGS = {
    "yarp/NewDirtyHive1/NewDirtyHive.LOG1.gz": 1.0,
    "yarp/NewDirtyHive1/NewDirtyHive.LOG2.gz": 1.0,
    "yarp/BadBaseBlockHive/BadBaseBlockHive.LOG1.gz": 0.9,
    "yarp/OldDirtyHive/OldDirtyHive.LOG1.gz": 0.9,
    "regipy/UsrClass.dat.LOG2.xz": 1.0,
    "regipy/transactions_ntuser.dat.log1.xz": 1.0,
    "regipy/transactions_ntuser.dat.log2.xz": 1.0,
}


def first(data: bytes) -> Carved:
    return next(find(Reader.of(data)))


@pytest.mark.corpus
@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("zeros", [0, 8192])
def test_a_log_ends_where_its_room_does(corpora, name, zeros):
    data = unpack(corpora / "windows" / name)
    found = first(data + bytes(zeros) + random.Random(1).randbytes(8192))
    assert (found.kind, found.extents, found.confidence) == (KIND, ((0, len(data)),), LOGS[name])
    assert identify(Reader.of(data)).mime == KIND


@pytest.mark.corpus
def test_an_older_log_that_was_cut_off_says_so(corpora):
    data = unpack(corpora / "windows/yarp/OldDirtyHive/OldDirtyHive.LOG1.gz")
    assert first(data[:9000]).flags == ("truncated",)


def test_zeros_without_end_are_nobodys():
    log = hive_log()
    assert first(log + bytes(1 << 20)).size == 1 << 16


def test_what_a_newer_entry_left_of_older_ones_belongs_to_the_log():
    log = hive_log(6)
    entry = struct.unpack_from("<I", log, 516)[0]
    lost = 512 + 2 * entry
    data = bytearray(log)
    data[lost : lost + 512] = random.Random(3).randbytes(512)
    assert first(bytes(data) + random.Random(1).randbytes(4096)).size == len(log)
