"""What stands right beside a value in forms, tables, links and Arabic prose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.selectors.find import Context, find
from moisson.selectors.fold import Folded


def values(text, kind):
    return [f.value for f in find(text, Context(regions=("IQ",))) if f.kind == kind]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Anna,0033612345678,note", "phone", "+33612345678"),
        ("12,0033612345678,34", "phone", "+33612345678"),
        ("Anna,0770 123 4567,note", "phone", "+9647701234567"),
        ("tel=0033612345678", "phone", "+33612345678"),
        ("msisdn=07701234567&x=1", "phone", "+9647701234567"),
        ("wa.me/33612345678", "phone", "+33612345678"),
        ("whatsapp://send?phone=33612345678", "phone", "+33612345678"),
        ("viber://chat?number=%2B33612345678", "phone", "+33612345678"),
        ("https://example.org,b", "url", "https://example.org"),
        ("https://example.org&y=1", "url", "https://example.org"),
        ("https://example.orgاجتماع", "url", "https://example.org"),
        ("https://example.org/a,b.html", "url", "https://example.org/a,b.html"),
        ("https://me:pa,ss@example.org/", "url", "https://me:pa,ss@example.org/"),
        ("\0https://example.org/a\0", "url", "https://example.org/a"),
        ("https://ar.wikipedia.org/wiki/بغداد", "url", "https://ar.wikipedia.org/wiki/بغداد"),
        ("x=anna@verger.example&y=1", "email", "anna@verger.example"),
        ("bounces+anna=verger.example@list.example", "email", "bounces+anna=verger.example@list.example"),
        ("البريد:anna@verger.exampleالهاتف", "email", "anna@verger.example"),
        ("to TEfvdcwTCWQkUHaYbLojuDgkHPtyMMQwEW.", "crypto", "TEfvdcwTCWQkUHaYbLojuDgkHPtyMMQwEW"),
        ("https://t.me/karim_b,12", "account", "telegram:@karim_b"),
        ("tg://resolve?domain=karim_b", "account", "telegram:@karim_b"),
        ("skype:karim.b?call", "account", "skype:@karim.b"),
        ("https://www.facebook.com/profile.php?id=100004567890123", "account", "facebook:@100004567890123"),
        ("facebook.com/profile.php?ref=x&id=100004567890123", "account", "facebook:@100004567890123"),
        ("https://www.facebook.com/people/Karim-B/100004567890123/", "account", "facebook:@100004567890123"),
    ],
)
def test_it_is_neither_part_of_the_value_nor_in_its_way(text, kind, value):
    assert values(text, kind) == [value]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0,0033612345678", "phone"),
        ("12,07701234567", "phone"),
        ("id=07701234567", "phone"),
        ("https://facebook.com/123456", "account"),
        ("whois:karim.b?call", "account"),
    ],
)
def test_fractions_and_other_keys_are_no_values(text, kind):
    assert values(text, kind) == []


@given(st.text("a1٣\u200f\u202a\ufeff", max_size=30), st.integers(0, 30))
def test_the_way_back_from_what_was_folded(text, at):
    page = Folded(text)
    place = page.place(min(at, len(text)))
    assert 0 <= place <= len(page.text)
    if place < len(page.text):
        assert page.origin(place) >= min(at, len(text))
    if place:
        assert page.origin(place - 1) < min(at, len(text))
