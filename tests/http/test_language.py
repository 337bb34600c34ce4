"""Problems in the language of who asks: on pages and to programs. English is for who does not say."""

from __future__ import annotations

import pytest

from kgservice.phrases import Bilingual, Phrase
from kgservice.web.sentences import told
from tests.serving import Running

GERMAN = {"Accept-Language": "de-AT, en;q=0.5"}


def test_programs_are_told_in_the_language_that_they_like(unchanged: Running) -> None:
    path = "/queries/nothing?format=json"
    english, german = unchanged.get(path), unchanged.get(path, headers=GERMAN)
    assert (english.json()["title"], english.json()["detail"][:28]) == (
        "Not found",
        "there is no question 'nothin",
    )
    assert (german.json()["title"], german.json()["detail"][:25]) == (
        "Nicht gefunden",
        "Es gibt keine Frage 'noth",
    )
    assert german.json().keys() == english.json().keys()
    for answer, language in ((english, "en"), (german, "de")):
        assert answer.headers["Content-Language"] == language
        assert "Accept-Language" in answer.headers["Vary"]


def test_a_refused_change_is_told_with_the_german_message_of_its_shape(unchanged: Running) -> None:
    body = "PREFIX ci: <https://w3id.org/kgservice/ci#> <https://kg.example/id/x> ci:title 'x'@en ."
    sent = {"content": body, "headers": {"Content-Type": "text/turtle"} | GERMAN}
    refused = unchanged.post("/records", **sent)
    assert refused.status_code in {400, 422}
    assert refused.json()["title"] in {"Kein gültiges RDF", "Verletzt Regeln"}
    assert "Klasse" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("path", "german", "english"),
    [
        ("/pages/elements?phase=x&element=solutions", "Es gibt keine Phase &#39;x&#39;", "there is no phase"),
        ("/pages/questions/nothing", "Es gibt keine Frage", "there is no question"),
        ("/pages/walls?wall=x", "ist keine Wand", "is no wall"),
        ("/pages/questions/unmet-needs?segment=x+y", "passt nicht zu", "is not an IRI"),
        ("/pages/findings/x", "Es gibt keinen Befund", "there is no finding"),
    ],
)
def test_a_page_tells_in_its_own_language(unchanged: Running, path: str, german: str, english: str) -> None:
    mark = "&" if "?" in path else "?"
    for language, said, other in (("de", german, english), ("en", english, german)):
        page = unchanged.get(f"{path}{mark}lang={language}", headers=GERMAN | {"Accept": "text/html"})
        assert page.status_code >= 400
        assert said in page.text
        assert other not in page.text


def test_what_an_engine_says_is_marked_as_english(unchanged: Running) -> None:
    page = unchanged.get("/pages/workbench?query=ASK+%7B&lang=de")
    assert "Kein gültiges SPARQL" in page.text
    assert '<span lang="en">' in page.text


def test_phrases_and_texts_with_a_german_of_their_own_are_values_of_phrases() -> None:
    words = Bilingual("The title is missing", "Der Titel fehlt")
    more = Phrase(" (and {count:more violation|more violations})", count=2)
    said = Phrase("{rule} {focus}: {words}{more}", rule="R01", focus="x", words=words, more=more)
    assert told(said, "en") == "R01 x: The title is missing (and 2 more violations)"
    assert told(said, "de") == "R01 x: Der Titel fehlt (und 2 weitere Verstöße)"
    assert told(Phrase("nobody has said this of {name}", name="x"), "de") is None
    assert told("a sentence of {others}", "de") is None


def test_what_a_user_sent_is_never_read_as_a_template() -> None:
    said = Phrase("there is no phase {name!r}", name="{name.__class__} {0}")
    assert told(said, "de") == "Es gibt keine Phase '{name.__class__} {0}'"
