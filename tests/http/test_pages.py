"""The plain pages: every address works in both languages, is well-formed, accessible and escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.answers.questions import questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.http.pages import questions as question_pages
from kgservice.namespaces import CI, RDF, XSD
from kgservice.settings import Settings
from kgservice.web.render import STATIC
from tests.serving import Running, running

PAIN = "00000000-0000-4000-8000-103000000001"
EVIL = """<script>alert("1")</script>' & co"""
EVIL_IRI = "https://kg.example/id/evil"
VOID = {"br", "hr", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """What a test looks at: start tags with attributes, ids, links, text; nesting is checked."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.content: list[tuple[str, dict[str, str]]] = []  # those of the main part
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._take(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._take(tag, attrs)

    def _take(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        taken = (tag, {name: value or "" for name, value in attrs})
        self.tags.append(taken)
        if "main" in self._open:
            self.content.append(taken)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each element of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def inside(self, tag: str) -> list[dict[str, str]]:
        """The same in the main part of the page."""
        return [attributes for name, attributes in self.content if name == tag]


@pytest.fixture(scope="module")
def site(demo_kg: KnowledgeGraph) -> Iterator[Running]:
    """A service with the demonstration graph and one record with a hostile title."""
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, guarded=False)
        evil = NamedNode(EVIL_IRI)
        said: list[tuple[str, NamedNode | Literal]] = [
            (f"{RDF}type", NamedNode(f"{CI}PainPoint")),
            (f"{CI}detectedAt", Literal("2025-01-01T00:00:00Z", datatype=NamedNode(f"{XSD}dateTime"))),
            (f"{CI}title", Literal(EVIL, language="de")),
            (f"{CI}title", Literal(EVIL, language="en")),
        ]
        kg.commit(Change.adding(Quad(evil, NamedNode(p), o) for p, o in said))
        with running(kg) as server:
            yield server
        kg.close()


def page(site: Running, path: str, **headers: str) -> Page:
    """The page at `path`, found in order."""
    answer = site.get(path, headers={"Accept": "text/html", **headers}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return checked(answer)


def checked(answer: httpx.Response) -> Page:
    """What every page keeps: language, title, landmarks, labels, unique ids, nothing inline or foreign."""
    found = Page(answer.text)
    assert found.all("html")[0]["lang"] == answer.headers["content-language"]
    for once in ("title", "main", "h1", "nav", "header"):
        at_least = [tag for tag in found.tags if tag[0] == once]
        assert len(at_least) >= 1, once
    assert len(found.all("h1")) == len(found.all("main")) == 1
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {attributes["for"] for attributes in found.all("label")}
    for field in (*found.all("input"), *found.all("select"), *found.all("textarea")):
        assert field.get("type") == "hidden" or field["id"] in labelled
    for _, attributes in found.tags:
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        for reference in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(reference, "").split()) <= set(ids)
    for script in found.all("script"):  # data for a component, or one of our modules
        is_data = script.keys() == {"type", "id"} and script["type"] == "application/json"
        assert is_data or (script["type"] == "module" and script["src"].startswith("/static/built/"))
    assert not found.all("style")
    for resource in (*found.all("link"), *found.all("img")):
        assert resource.get("href", resource.get("src", "")).startswith(("/static/", "/links/"))
    return found


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/pages/questions", "/pages/contents", "/pages/elements?element=methods&phase=MarketLaunch"),
        *("/pages/workbench", "/pages/traces", f"/pages/trace/{PAIN}", f"/id/{PAIN}", "/ontology"),
    ],
)
def test_every_page_in_both_languages(site: Running, path: str, language: str) -> None:
    assert (
        page(site, f"{path}{'&' if '?' in path else '?'}lang={language}").all("html")[0]["lang"] == language
    )


@pytest.mark.parametrize(
    ("language", "written"),
    [("de", "%d.%m.%Y(, %H:%M UTC)?"), ("en", "%-d %b %Y(, %H:%M UTC)?")],
)
@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/pages/contents",
            "/pages/walls?wall=segmentation",
            "/pages/questions/unsolved-pain-points?ask=1",
        ),
        *(f"/pages/trace/{PAIN}", f"/pages/record?iri=https://kg.example/id/{PAIN}", "/pages/quality"),
    ],
)
def test_days_and_moments_are_written_as_the_language_writes_them(
    site: Running, path: str, language: str, written: str
) -> None:
    answer = site.get(f"{path}{'&' if '?' in path else '?'}lang={language}", headers={"Accept": "text/html"})
    times = re.findall(r'<time datetime="([^"]+)">([^<]+)</time>', answer.text)
    assert times or "/trace/" in path
    for iso, shown in times:
        assert re.fullmatch(datetime.fromisoformat(iso).strftime(written).replace(".", r"\."), shown), iso
    # The English titles of some records of the demonstration hold a day.
    assert re.findall(r"(?<! of )\b20\d\d-\d\d(?:-\d\d)?\b", checked(answer).text) == []


def test_the_browser_says_the_language(site: Running) -> None:
    assert "Offene Pain Points" in page(site, "/", **{"Accept-Language": "de-AT, en;q=0.5"}).text
    assert "Open pain points" in page(site, "/", **{"Accept-Language": "fr, en;q=0.5"}).text


def test_the_questions_and_what_is_loaded_have_pages_of_their_own(site: Running) -> None:
    start = {attributes["href"] for attributes in page(site, "/?lang=en").all("a")}
    assert {"/pages/questions?lang=en", "/pages/contents?lang=en"} <= start
    listed = {attributes["href"] for attributes in page(site, "/pages/questions?lang=en").all("a")}
    assert {f"/pages/questions/{question}?lang=en" for question in questions()} <= listed
    assert "Data subjects" in page(site, "/pages/contents?lang=en").text


@pytest.mark.parametrize("question", sorted(questions()))
def test_every_question_has_a_page(site: Running, question: str) -> None:
    found = page(site, f"/pages/questions/{question}?lang=en")
    assert questions()[question].title["en"] in found.text


def test_an_answer_is_a_table_with_downloads(site: Running) -> None:
    found = page(site, "/pages/questions/impact-of-solution?lang=en&ask=1")
    assert "14.5" in found.text
    links = [attributes["href"] for attributes in found.all("a")]
    (csv,) = [link for link in links if "format=csv" in link]
    assert site.get(csv).text.startswith("solution,")
    assert any(link.startswith("/id/") for link in links)


def test_the_choices_of_a_form_have_names(site: Running) -> None:
    answer = site.get("/pages/questions/may-i-use?lang=de")
    form = checked(answer)
    assert [s["id"] for s in form.inside("select")] == ["p-record", "p-purpose", "p-language"]
    assert all("selected" not in o for o in form.inside("option") if o["value"].startswith("http"))
    consents = site.get("/pages/questions/stop-after-withdrawal?lang=de").text
    assert re.search(
        r'<option value="https://kg.example/id/[^"]*0001">Einwilligung …00000001</option>', consents
    )
    english = site.get("/pages/questions/subject-data?lang=en").text
    assert ">Rosalinde Kammhuber</option>" in english


def test_optional_parameters_start_with_all_and_keep_what_is_chosen(site: Running) -> None:
    open_form = page(site, "/pages/questions/unsolved-pain-points?lang=en")
    assert open_form.inside("option")[0] == {"value": ""}
    assert not [o for o in open_form.inside("option") if "selected" in o and o["value"] != "en"]
    chosen = page(site, "/pages/questions/unsolved-pain-points?lang=en&phase=MarketLaunch")
    (phase,) = [o["value"] for o in chosen.inside("option") if "selected" in o and o["value"] != "en"]
    assert phase == f"{CI}MarketLaunch"


def test_many_choices_are_suggestions_of_a_text_field(site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_pages, "MOST_IN_A_SELECT", 4)
    form = page(site, "/pages/questions/unsolved-pain-points?lang=en")
    (field,) = [attributes for attributes in form.all("input") if attributes.get("list")]
    assert (field["id"], field["list"], field["value"]) == ("p-phase", "s-phase", "")
    assert [d["id"] for d in form.all("datalist")] == ["s-phase"]
    options = {o["label"]: o["value"] for o in form.inside("option") if "label" in o}
    assert options["market launch and operation"] == f"{CI}MarketLaunch"
    assert len(options) == 5


def test_codes_and_truth_values_are_words(site: Running) -> None:
    german = page(site, "/pages/questions/planned-and-actual-journey?lang=de").text
    assert "Abweichung" in german
    assert "nicht durchlaufen" in german
    assert "not-passed" not in german.partition("SPARQL der Frage")[0]
    assert "nein" in page(site, "/pages/questions/channel-breaks?lang=de").text


def test_a_wrong_parameter_is_told_on_the_page(site: Running) -> None:
    answer = site.get("/pages/questions/impact-of-solution?solution=%3Cnot%20an%20iri%3E&lang=en")
    assert answer.status_code == 400
    assert "Bad parameter" in checked(answer).text


def test_the_chain_is_a_picture_with_a_description(site: Running) -> None:
    answer = site.get(f"/pages/trace/{PAIN}?lang=en")
    start, end = answer.text.index("<svg"), answer.text.index("</svg>") + len("</svg>")
    svg = ElementTree.fromstring(answer.text[start:end])
    name = {"svg": "http://www.w3.org/2000/svg"}
    assert svg.findtext("svg:title", namespaces=name)
    assert "Early warning" in str(svg.findtext("svg:desc", namespaces=name))
    width, height = (float(svg.attrib[side]) for side in ("width", "height"))
    boxes = svg.findall(".//svg:g[@class]", name)
    assert len(boxes) >= 8
    for box in boxes:
        rect = box.find("svg:rect", name)
        assert rect is not None
        x, y, w, h = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        assert x >= 0 <= y
        assert x + w <= width
        assert y + h <= height
        for line in box.findall("svg:text", name):
            assert x < float(line.attrib["x"]) < x + w
            assert y < float(line.attrib["y"]) < y + h


def test_what_people_write_is_escaped(site: Running) -> None:
    for path in ("/id/evil", "/pages/trace/evil"):
        assert EVIL in page(site, path).text, path
    rows = site.get(
        "/pages/workbench", params={"query": f"SELECT ?t WHERE {{ <{EVIL_IRI}> <{CI}title> ?t }}"}
    )
    assert EVIL in checked(rows).text
    echoed = checked(site.get("/pages/workbench", params={"query": f"SELECT {EVIL}"}))
    assert EVIL in echoed.text
    hidden = checked(site.get("/pages/questions/no-such", params={"lang": EVIL, "x": EVIL}))
    assert "no-such" in hidden.text


def test_sparql_in_the_browser(site: Running) -> None:
    ask = {"query": "ASK { ?s ?p ?o }", "lang": "en"}
    assert "yes" in checked(site.get("/pages/workbench", params=ask)).text
    construct = {"query": "CONSTRUCT { <urn:a> <urn:b> 1 } WHERE {}"}
    assert "<urn:a> <urn:b> 1" in checked(site.get("/pages/workbench", params=construct)).text
    broken = site.get("/pages/workbench", params={"query": "SELECT ?x\nWHERE {", "lang": "en"})
    assert broken.status_code == 400
    assert "line 2" in checked(broken).text


def test_what_is_not_there_is_a_page_too(site: Running) -> None:
    for path in ("/pages/questions/none", "/pages/trace/none", "/pages/record?iri=urn:none", "/pages/a/b"):
        answer = site.get(path)
        assert answer.status_code == 404
        checked(answer)


def test_what_an_address_has_not_is_told_before_that_there_is_nothing(site: Running) -> None:
    assert site.post("/pages/contents").status_code == 405
    assert site.get("/pages/a/b", headers={"Accept-Language": "de"}).headers["content-language"] == "de"


def test_the_style_sheets_are_ours(site: Running) -> None:
    page = site.get("/pages/workbench", headers={"Accept": "text/html"}).text
    linked = re.findall(r'<link rel="stylesheet" href="/static/([^"]+)"', page)
    own = {path.name for path in STATIC.glob("*.css")}
    assert {name for name in linked if "/" not in name} == own, "each is linked, and there is no other"
    for name in own:
        css = site.get(f"/static/{name}")
        assert css.headers["content-type"].startswith("text/css")
        asked = re.findall(r"@import|url\([^)]*\)", css.text)
        assert asked == (["@import", 'url("built/pico.css")'] if name == "kgservice.css" else []), name
    base = site.get("/static/built/pico.css", headers={"Accept-Encoding": "gzip"})
    assert (base.status_code, base.headers["content-encoding"]) == (200, "gzip")
    again = site.get("/static/built/pico.css", headers={"If-None-Match": base.headers["etag"]})
    assert again.status_code == 304
    assert set(re.findall(r"url\((.{6})", base.text)) <= {'"data:'}


@pytest.mark.parametrize("path", ["/", "/pages/questions", "/pages/questions/deployed-without-impact"])
def test_no_page_reads_the_question_files(site: Running, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the files were read when the application was made")

    monkeypatch.setattr("kgservice.application.answers.questions.parse", refuse)
    assert site.get(path).status_code == 200
