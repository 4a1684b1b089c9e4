from __future__ import annotations

import json
import re

import pytest

from moisson.selectors.find import Context, find
from moisson.selectors.language import languages, scripts

CASE = Context()
FINER = {"deu_1996.html": "de", "por_PT.html": "pt", "kmr.html": "kmr", "ckb.html": "kmr"}
# Told as their neighbours: no kept model knows Hausa, Uzbek, Tigrinya or Yiddish. The Sorani text is in Latin letters.
UNKNOWN = {"hau_NG.html", "uzn_latn.html", "tir.html", "ydd.html"}


def prose(path):
    return re.sub(r"<[^>]+>", " ", path.read_text("utf-8"))


@pytest.mark.corpus
def test_whole_documents(corpora):
    folder = corpora / "lang" / "udhr"
    truth = json.loads((corpora / "lang" / "expected.json").read_text("utf-8"))["udhr"]
    wrong = set()
    for name, said in truth.items():
        text = prose(folder / name)
        found = languages(text, CASE)
        if not found or found[0][0] != FINER.get(name, said["lang"].partition("-")[0]):
            wrong.add(name)
        assert scripts(text)[0][0] == said["script"], name
    assert wrong == UNKNOWN


@pytest.mark.corpus
def test_all_sentences(corpora):
    truth = json.loads((corpora / "lang" / "expected.json").read_text("utf-8"))["lingua"]
    weak = {"ru": 0.93, "ur": 0.83, "hi": 0.93, "az": 0.94}
    for name, said in truth.items():
        lines = (corpora / "lang" / "lingua" / name).read_text("utf-8").splitlines()
        assert len(lines) == said["lines"]
        right = sum((languages(line, CASE) or (("", 0.0),))[0][0] == said["iso"] for line in lines)
        assert right >= weak.get(said["iso"], 0.97) * len(lines), (name, right)
        share = sum((scripts(line) or (("", 0.0),))[0][0] == said["script"] for line in lines)
        assert share >= (0.84 if said["iso"] == "ur" else 0.98) * len(lines), name


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
