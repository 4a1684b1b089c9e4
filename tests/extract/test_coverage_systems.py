"""What Plaso's own tests say of files of phones, browsers, macOS and Linux is in the text that the readers give.

Its events are taken apart by its rules; here only their words are looked for, times and kinds of events are not.
"""

from __future__ import annotations

import json
import re

import pytest

from moisson import registry
from moisson.errors import EvidenceError
from moisson.extract.strings import read_strings
from moisson.identify.kind import identify
from moisson.model import Event, Fact, Passage
from moisson.reader import Child, Reader
from tests.conftest import unpack
from tests.extract.pieces import squeezed

pytestmark = [pytest.mark.corpus, pytest.mark.slow]
_ITS = "a sentence, a joined field or a conversion that the other program makes"
_STRINGS = "no reader of this format: its strings are told, fields of a few letters are not"
EXCUSED = {
    "phones": {
        "plaso/android/tango_profile.db": "names in base64 in a column",
        "plaso/ios/netusage.sqlite.gz": _ITS,
        "plaso/sqlite/skype_main.db.gz": _ITS,
    },
    "browsers": {
        "plaso/Cookies.binarycookies": _STRINGS,
        "plaso/Preferences": _ITS,
        "plaso/chrome/Cookies-68.0.3440.106": _ITS,
        "plaso/chrome/cookies.db.gz": _ITS,
        "plaso/firefox/firefox_10_cookies.sqlite.gz": _ITS,
        "plaso/firefox/firefox_2_cookies.sqlite.gz": _ITS,
        "plaso/firefox_cache/cache2/1F4B3A4FC81FB19C530758231FA54313BE8F6FA2": "a picture with a tail of the cache",
        "plaso/firefox_cache/firefox3/_CACHE_001_": _STRINGS,
        "plaso/firefox_cache/firefox3/_CACHE_002_": _STRINGS,
        "plaso/firefox_cache/firefox3/_CACHE_003_": _STRINGS,
        "plaso/global_history.dat": _ITS,
        "plaso/typed_history.xml": _ITS,
    },
    "unix": {
        "plaso/apple.bsm": _ITS,
        "plaso/applesystemlog.asl": _ITS,
        "plaso/docker/containers/e7d0b7ea5ccf08366e2b0c8afa2318674e8aefe802315378125d2bb83fe3110c/container-json.log": _ITS,
        "plaso/docker/graph/3c9a9d7cc6a235eb2de58ca9ef3551c67ae42a991933ba4958d207b29142902b/json": _ITS,
        "plaso/ivanti_vc0/log.access.vc0": _ITS,
        "plaso/ivanti_vc0/log.admin.vc0": _ITS,
        "plaso/ivanti_vc0/log.events.vc0": _ITS,
        "plaso/ivanti_vc0/log.sensorslog.vc0": _ITS,
        "plaso/jsonl/gcp_logging.jsonl": _ITS,
        "plaso/login.keychain": _STRINGS,
        "plaso/macos/document_versions.sql": _ITS,
        "plaso/macos/NotesV7.storedata.gz": _ITS,
        "plaso/plist/launchd.plist": _ITS,
        "plaso/plist/user.plist": _ITS,
        "plaso/security.log": _ITS,
        "plaso/sqlite/snapshot.db": _ITS,
        "plaso/syslog/syslog_rsyslog_SyslogProtocol23Format": _ITS,
        "plaso/utmp/utmp": _STRINGS,
        "plaso/utmp/utmp_aarch64": _STRINGS,
        "plaso/utmp/utmp_corrupted": _STRINGS,
        "plaso/utmp/utmp_s390": _STRINGS,
        "plaso/utmp/utmp_x86_64": _STRINGS,
        "plaso/utmpx_mac": _STRINGS,
        "plaso/wifi.log": _ITS,
        "plaso/xchat.log": _ITS,
        "plaso/xchatscrollback.log": _STRINGS,
    },
}
_NO_WORDS = re.compile(r"\d{4}-\d\d-\d\d.*|None|True|False|.{0,2}", re.DOTALL)


def words_of(values: dict) -> set[str]:
    checks = [check for test in values.get("plaso_tests", ()) for check in test.get("checks", ())]
    pairs = [pair for check in checks for pair in check.get("values", {}).items()]
    return {
        value
        for key, value in pairs
        if isinstance(value, str)
        and key != "data_type"
        and not key.endswith(("_time", "timestamp"))
        and not _NO_WORDS.fullmatch(value)
    }


def told(data: Reader, name: str, depth: int = 0) -> str:
    step = registry.best("extract", identify(data, name).mime, name)
    found: list[str] = []
    try:
        for piece in step.run(data, ()) if step else read_strings(data):
            if isinstance(piece, Passage):
                found.append(piece.text)
            elif isinstance(piece, Fact):
                found.append(str(piece.value))
            elif isinstance(piece, Event):
                found.append(f"{piece.text} {piece.parties}")
            elif isinstance(piece, Child):
                found.append(piece.name)
                if depth < 3:
                    found.append(told(piece.open(), piece.name, depth + 1))
    except EvidenceError:
        pass
    return "\n".join(found)


@pytest.mark.parametrize("corpus", EXCUSED)
def test_the_words_of_events_are_told_or_excused(corpora, corpus):
    expected = json.loads((corpora / corpus / "expected.json").read_text())
    wrong = set()
    for name, values in expected.items():
        if wanted := words_of(values):
            packed = bool(values.get("unpacked"))
            raw = unpack(corpora / corpus / name) if packed else (corpora / corpus / name).read_bytes()
            whole = squeezed(told(Reader.of(raw), name.removesuffix(".gz").removesuffix(".xz") if packed else name))
            if any(squeezed(word) not in whole for word in wanted):
                wrong.add(name)
    assert wrong - set(EXCUSED[corpus]) == set()
    assert set(EXCUSED[corpus]) - wrong == set(), "these hold now: take the excuse away"
