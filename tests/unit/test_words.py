"""The words that the templates name are in the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kgservice.web
from kgservice.http.resources.problem_types import problem_types
from kgservice.web.sentences import german
from kgservice.web.texts import catalogue
from tests.wording import OTHER_WORDS

TEMPLATES = sorted((Path(kgservice.web.__file__).parent / "templates").iterdir())
_WORD = re.compile(r"""\bt\((["'])([a-z-]+)\1\)""")
_NOUN = re.compile(r"""\bn\((["'])([a-z-]+)\1,""")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_word_of_a_template_is_known(path: Path) -> None:
    named = {found[2] for found in _WORD.finditer(path.read_text(encoding="utf-8"))}
    assert named <= catalogue("de").keys()


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_what_is_counted_has_a_form_for_one_and_for_several(path: Path, language: str) -> None:
    text, words = path.read_text(encoding="utf-8"), catalogue(language)
    assert [found[2] for found in _NOUN.finditer(text) if words.get(found[2], "").count("|") != 1] == []
    assert [found[2] for found in _WORD.finditer(text) if "|" in words[found[2]]] == []


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_kind_of_problem_has_a_name(language: str) -> None:
    named = {key.removeprefix("problem-") for key in catalogue(language) if key.startswith("problem-")}
    assert named == problem_types().keys()


def test_german_texts_have_one_word_for_each_thing() -> None:
    texts = [*catalogue("de").values(), *german().values()]
    assert [text for text in texts if re.search(OTHER_WORDS, text)] == []
