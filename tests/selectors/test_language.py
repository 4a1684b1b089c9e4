from __future__ import annotations

import json
import re

import pytest

from moisson.selectors.find import Context, find
from moisson.selectors.language import languages, scripts

CASE = Context()
KNOWN = {
    "arb": "ar",
    "eng": "en",
    "fra": "fr",
    "deu_1996": "de",
    "nld": "nl",
    "tur": "tr",
    "spa": "es",
    "ita": "it",
    "rus": "ru",
    "pes_1": "fa",
    "urd": "ur",
    "kmr": "kmr",
    "heb": "he",
    "ukr": "uk",
    "jpn": "ja",
    "kor": "ko",
    "hye": "hy",
    "kat": "ka",
    "uig_arab": "ug",
    "pbu": "ps",
    "pol": "pl",
    "vie": "vi",
    "cmn_hans": "zh",
    "azj_latn": "az",
    "som": "so",
}


def prose(path):
    return re.sub(r"<[^>]+>", " ", path.read_text("utf-8"))


@pytest.mark.corpus
def test_whole_documents(corpora):
    folder = corpora / "lang" / "udhr"
    truth = json.loads((corpora / "lang" / "expected.json").read_text("utf-8"))["udhr"]
    wrong = {}
    for name, tag in KNOWN.items():
        text = prose(folder / f"{name}.html")
        found = languages(text, CASE)
        if not found or found[0][0] != tag:
            wrong[name] = found[:2]
        script = truth[f"{name}.html"]["script"]
        if script in ("Latin", "Arabic", "Cyrillic", "Hebrew"):
            assert scripts(text)[0][0] == script, name
    assert not wrong


@pytest.mark.corpus
@pytest.mark.parametrize("tag", ["ar", "fr", "en", "tr", "de", "nl", "fa"])
def test_sentences(corpora, tag):
    lines = (corpora / "lang" / "lingua" / f"{tag}.txt").read_text("utf-8").splitlines()[:100]
    right = sum((languages(line, CASE) or (("", 0.0),))[0][0] == tag for line in lines)
    assert right >= 0.95 * len(lines)


def test_arabic_in_latin_letters():
    assert languages("salam khoya, chnowa 7abibi wallah labas 3lik", CASE)[0][0] == "ar-Latn"
    assert languages("ya3ni sa7 wallah, bkra inshallah", CASE)[0][0] == "ar-Latn"
    assert languages("Le lot B2C et le modèle R2D2 sont prêts pour demain", CASE)[0][0] == "fr"


def test_sorani_is_told_by_its_letters():
    assert languages("هەموو مرۆڤێک ئازاد و یەکسان لە کەرامەت و مافدا لەدایک دەبن", CASE)[0][0] == "ckb"


def test_mixed_text_has_shares():
    text = "Rendez-vous demain à Marseille avec les autres. اسأل خالد عن البضاعة غدا في السوق"
    found = dict(languages(text, CASE))
    assert set(found) == {"fr", "ar"}
    assert abs(sum(found.values()) - 1) < 0.01
    assert languages("12 34", CASE) == ()
    assert scripts("") == ()


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["arb", "eng", "fra", "deu_1996", "nld", "tur", "spa", "ckb", "kmr", "pes_1", "urd"])
def test_ordinary_prose_holds_no_selectors(corpora, name):
    assert list(find(prose(corpora / "lang" / "udhr" / f"{name}.html"), CASE)) == []
