"""The catalogue of questions and its answers as pages: search, pictures, files, and where a query goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from kgservice.application.answers import questions as saved
from kgservice.application.answers.questions import questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.http.pages import questions as question_pages
from kgservice.http.pages.questions import WORKBENCH
from kgservice.namespaces import CI
from kgservice.settings import Settings
from tests.http.keys import IMPROVING, RESEARCH, asking, make_key, serving
from tests.http.test_pages import checked
from tests.serving import Running

HTML = {"Accept": "text/html"}
TO_WORKBENCH = f"{WORKBENCH}?query="
LISTED = re.compile(r'href="/pages/questions/([a-z-]+)\?lang=en"')


@pytest.fixture(scope="module")
def demo(demo_kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, demo_kg.clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("questions")) as server:
            yield server
        kg.close()


def shown(demo: Running, path: str) -> str:
    """A page, found in order."""
    answer = demo.get(path, headers=HTML)
    checked(answer)
    assert answer.status_code == 200
    return answer.text


def links(page: str, mark: str) -> list[str]:
    """The addresses on a page that hold a text."""
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', page) if mark in unescape(link)]


def test_the_search_finds_words_in_titles_and_descriptions(demo: Running) -> None:
    everything = LISTED.findall(shown(demo, "/pages/questions?lang=en"))
    assert set(everything) == set(questions())
    found = LISTED.findall(shown(demo, "/pages/questions?lang=en&q=EXPIRE+consents"))
    assert "expiring-consents" in found
    for name in found:
        said = questions()[name].title["en"] + questions()[name].description["en"]
        assert "expire" in said.lower() or "consents" in said.lower()
    assert 0 < len(found) < 6
    assert LISTED.findall(shown(demo, "/pages/questions?lang=en&q=nothing-like-it")) == []
    assert "There is no question on that" in shown(demo, "/pages/questions?lang=en&q=nothing-like-it")
    german = shown(demo, "/pages/questions?lang=de&q=einwilligungen")
    assert "expiring-consents" in german


def test_what_somebody_looks_for_is_shown_harmlessly(demo: Running) -> None:
    evil = "<script>alert('1')</script>\u202e"
    page = demo.get("/pages/questions", params={"lang": "en", "q": evil}, headers=HTML)
    (field,) = [one for one in checked(page).all("input") if one.get("type") == "search"]
    assert field["value"] == evil
    assert demo.get("/pages/questions", params={"q": "x" * 10_000}, headers=HTML).status_code == 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("method-cost-and-yield?lang=en", "bars"),
        ("moments-of-truth?lang=en", "phases"),
        ("moments-of-truth?lang=de&language=en", "phases"),
        ("unsolved-pain-points?lang=en", "phases"),
        ("planned-and-actual-journey?lang=en", None),
        ("impact-of-solution?lang=en", None),  # hours beside per cent
    ],
)
def test_the_picture_fits_the_columns(demo: Running, path: str, kind: str | None) -> None:
    page = shown(demo, f"/pages/questions/{path}")
    assert re.findall(r'<svg[^>]* class="chart (\w+)"', page) == ([kind] if kind else [])
    if kind:
        assert "<desc" in page
        assert " style=" not in page


def test_the_bars_say_what_the_table_says(demo: Running) -> None:
    page = shown(demo, "/pages/questions/method-cost-and-yield?lang=en&picture=insights")
    columns = demo.get("/queries/method-cost-and-yield?language=en&format=json").json()
    rows = [
        f"{row['methodLabel']['value']}: {row['insights']['value']}" for row in columns["results"]["bindings"]
    ]
    described = re.findall(r'<desc id="chart-description">(.*?)</desc>', page)
    assert [unescape(one) for one in described] == ["; ".join(rows)]
    chosen = re.findall(r'<a class="chip" href="[^"]*picture=(\w+)[^"]*" aria-current="true"', page)
    assert chosen == ["insights"]


def test_files_and_the_permanent_link_hold_the_values(demo: Running) -> None:
    page = shown(
        demo, f"/pages/questions/unsolved-pain-points?lang=en&phase={CI.replace('#', '%23')}MarketLaunch"
    )
    for kind in ("csv", "json", "parquet"):
        (link,) = links(page, f"format={kind}")
        assert parse_qs(urlsplit(link).query)["phase"] == [f"{CI}MarketLaunch"]
        assert demo.get(link).status_code == 200
    permanent = next(link for link in links(page, "ask=1") if "picture" not in link)
    assert "lang=en" in permanent
    again = shown(demo, permanent)
    rows = [re.search(r"<strong>(\d+)</strong> rows?", text) for text in (page, again)]
    assert rows[0] is not None
    assert rows[1] is not None
    assert rows[0][1] == rows[1][1]


def test_the_query_goes_to_the_workbench_with_its_values(demo: Running) -> None:
    page = shown(demo, "/pages/questions/impact-of-solution?lang=en&language=en")
    (link,) = links(page, TO_WORKBENCH)
    (query,) = parse_qs(urlsplit(link).query)["query"]
    assert 'VALUES ?language { "en" }' in query
    assert "VALUES ?solution { UNDEF }" in query
    rows = [
        len(demo.get(path).json()["results"]["bindings"])
        for path in (
            f"/sparql?{urlsplit(link).query.partition('&lang')[0]}",
            "/queries/impact-of-solution?language=en&format=json",
        )
    ]
    assert rows[0] == rows[1] > 0


def test_a_text_of_a_user_stays_one_term_in_the_workbench(demo: Running) -> None:
    question = questions()["search"]
    (words,) = [p.name for p in question.parameters if p.type == "string" and not p.values]
    evil = 'alarm" } DROP ALL # \\'
    page = demo.get(
        "/pages/questions/search", params={"lang": "en", words: evil, "ask": "1"}, headers=HTML
    ).text
    (query,) = parse_qs(urlsplit(links(page, TO_WORKBENCH)[0]).query)["query"]
    assert 'alarm\\" } DROP ALL # \\\\"' in query
    assert demo.get("/sparql", params={"query": query}).status_code == 200


def test_a_reader_gets_no_workbench_and_no_more_in_pictures(demo: Running) -> None:
    purposes = (RESEARCH, IMPROVING)
    reader = make_key(demo.kg.settings, Role.READER, purposes=purposes, default=RESEARCH)
    hidden = 0
    for question in questions().values():
        answer = asking(demo, f"/pages/questions/{question.id}?lang=en", reader, headers=HTML)
        assert not links(answer.text, TO_WORKBENCH), question.id
        assert f'href="{WORKBENCH}' not in answer.text  # nor in the navigation, whatever comes of it
        if answer.status_code != 200 or "<svg" not in answer.text:
            continue
        checked(answer)
        for text in re.findall(r'<text class="value[^"]*"[^>]*>([^<]+)<', answer.text):
            hidden += text == "(&lt; 5)"
    assert hidden > 0
    researcher = make_key(demo.kg.settings, Role.RESEARCHER, purposes=purposes, default=RESEARCH)
    page = asking(demo, "/pages/questions/method-cost-and-yield", researcher, headers=HTML).text
    assert links(page, TO_WORKBENCH)


def test_too_many_choices_are_not_listed(demo: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    (phase,) = [p for p in questions()["unsolved-pain-points"].parameters if p.name == "phase"]
    assert saved.has_more(demo.kg, phase, 4)
    assert not saved.has_more(demo.kg, phase, 5)
    monkeypatch.setattr(question_pages, "MOST_SUGGESTED", 4)
    page = shown(demo, "/pages/questions/unsolved-pain-points?lang=en")
    assert "more records than a list holds" in page
    assert '<input id="p-phase"' in page
    assert "<datalist" not in page
