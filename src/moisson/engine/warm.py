"""Whatever a reader would load at first use, loaded before children are forked."""

from __future__ import annotations

from phonenumbers import PhoneMetadata

from moisson import registry
from moisson.carve.find import prepare as prepare_carvers
from moisson.identify.kind import identify, prepare
from moisson.reader import Reader
from moisson.scan import anchors
from moisson.selectors import find, language
from moisson.settings import Settings

_SAMPLES = (
    "Voir Karim Haddad, tél. 06 12 34 56 78, +33 6 12 34 56 78, karim@exemple.fr, 48.8566, 2.3522, AA-123-BB",
    "Ask Abu Omar on 0044 7911 123456 about IBAN GB29 NWBK 6016 1331 9268 19, http://t.me/example 192.168.1.1",
    "اسأل محمد بن علي أبو عمر رقم الهاتف ٠٧٧٠١٢٣٤٥٦٧ في بغداد",
)


def warm() -> None:
    """Load every table that a reader would load at first use, so that children share them; sees no evidence."""
    registry.load()
    prepare()
    context = find.Context(regions=Settings().regions, languages=Settings().languages)
    find.warm(context)
    for text in _SAMPLES:
        list(find.find(text, context))
        language.languages(text, context)
        identify(Reader.of(text.encode()), "a.txt")
    PhoneMetadata.load_all()
    for matcher in (anchors.everywhere(), anchors.in_text()):
        matcher.match(_SAMPLES[0].encode())
    prepare_carvers()
