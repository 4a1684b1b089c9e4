"""Credentials as programs keep them: made by hand after each program's own format, between random bytes."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3

import pytest

from moisson.model import Sighting
from moisson.scan.sweep import sweep_bytes

_FIREFOX = (
    '{"nextId":2,"logins":[{"id":1,"hostname":"https://mail.example.org","httpRealm":null,"formSubmitURL":"",'
    '"usernameField":"u","passwordField":"p",'
    '"encryptedUsername":"MDIEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvcNAwcECEVV5YxVRl0WBAi7g==",'
    '"encryptedPassword":"MDIEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvcNAwcECMcnUjP1bdDmBAjw8Q==","guid":"{1}"}]}'
)
_FILEZILLA = """<Servers><Server>
<Host>ftp.example.org</Host>\n<Port>2121</Port>\n<Protocol>0</Protocol>\n<User>bob</User>
<Pass encoding="base64">czNjcmV0</Pass>\n</Server></Servers>"""
_MANAGER = """[connection]\nid=Café\ntype=wifi\n
[wifi]\nmode=infrastructure\nssid={}\n
[wifi-security]\nauth-alg=open\nkey-mgmt=wpa-psk\npsk=geheim 123\n\n[ipv4]\nmethod=auto\n"""
_ANDROID = """<WifiConfiguration>
<string name="ConfigKey">&quot;Net&amp;1&quot;WPA_PSK</string>\n<string name="SSID">&quot;Net&amp;1&quot;</string>
<null name="BSSID" />\n<string name="PreSharedKey">&quot;pass word&quot;</string>\n</WifiConfiguration>"""

_INI = "[Sessions\\bob@h.example.org]\r\nHostName=h.example.org\r\nPortNumber=2222\r\nUserName=bob\r\nPassword={}\r\n"
_REG = """[HKEY_CURRENT_USER\\Software\\Martin Prikryl\\WinSCP 2\\Sessions\\one]
"HostName"="h.example.org"\n"UserName"="bob"\n"Password"="{}"\n"""


def secrets(data):
    rng = random.Random(4)
    around = rng.randbytes(700) + b"\n" + data + b"\n" + rng.randbytes(500)
    return [r.value for r in sweep_bytes(around, "E") if isinstance(r, Sighting) and r.kind == "secret"]


def disguised(user, host, word):
    plain = bytes([255, 0, len(user + host + word), 3]) + b"abc" + (user + host + word).encode() + b"idle"
    return "".join(f"{~byte & 255 ^ 0xA3:02X}" for byte in plain)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (_FILEZILLA, "ftp:ftp.example.org:2121:bob:s3cret"),
        (_FILEZILLA.replace(' encoding="base64"', "").replace("2121", "21"), "ftp:ftp.example.org:bob:czNjcmV0"),
        ("machine ftp.example.org\n  login bob\n  password s3cret!\n", "ftp:ftp.example.org:bob:s3cret!"),
        (_MANAGER.format("Cafe Umm"), "wifi:Cafe Umm:geheim 123"),
        (_MANAGER.format("67;97;102;101;"), "wifi:Cafe:geheim 123"),
        (_ANDROID, "wifi:Net&1:pass word"),
        (_INI.format(disguised("bob", "h.example.org", "Gh3im!")), "ftp:h.example.org:2222:bob:Gh3im!"),
        (_REG.format(disguised("bob", "h.example.org", "x y")), "ftp:h.example.org:bob:x y"),
    ],
)  # fmt: skip
def test_what_stands_in_clear(text, value):
    assert secrets(text.encode()) == [value]
    assert secrets(text.encode("utf-16-le")) == [value]


def test_firefox_keeps_its_secret_and_shows_the_site():
    (found,) = secrets(_FIREFOX.encode())
    assert found.startswith("login:https://mail.example.org:")
    assert len(found.rpartition(":")[2]) == 64
    assert json.loads(_FIREFOX)["logins"][0]["encryptedPassword"] not in found


@pytest.mark.parametrize("lead", [b"v10", b"v11", bytes.fromhex("01000000d08c9ddf0115d1118c7a00c04fc297eb")])
def test_chrome_shows_the_site_and_the_user(tmp_path, lead):
    base = sqlite3.connect(tmp_path / "Login Data")
    base.execute(
        "create table logins (origin_url VARCHAR NOT NULL, action_url VARCHAR, username_element VARCHAR, username_value"
        " VARCHAR, password_element VARCHAR, password_value BLOB, submit_element VARCHAR, signon_realm VARCHAR NOT NULL)"
    )
    for n in range(20):
        blob = lead + hashlib.sha256(bytes([n])).digest()[:28]
        row = (f"https://a{n}.example.org/login", "https://x.example/", "user", f"anna{n}@example.org", "pass", blob)
        base.execute("insert into logins values (?,?,?,?,?,?,?,?)", (*row, "", f"https://a{n}.example.org/"))
    base.commit()
    base.close()
    found = secrets((tmp_path / "Login Data").read_bytes())
    assert sorted(found) == sorted(f"login:https://a{n}.example.org/login:anna{n}@example.org" for n in range(20))


@pytest.mark.parametrize(
    "text",
    [
        "<Pass>", "<Pass>x</Pass>", "Password=A35C00", "[wifi-security]\n", "machine a login b password ", '"PreSharedKey">&quot;',
        '"encryptedPassword":"####"', "v10\x80\x80\x80", "version v10.\xff", "[Sessions\\a]\nHostName=b\nPassword=A35C" + "00" * 20,
    ],
)  # fmt: skip
def test_what_is_cut_off_tells_nothing(text):
    assert secrets(text.encode("latin-1")) == []
