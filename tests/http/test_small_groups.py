"""What a reader is told: of the demonstration graph, nothing of a single person and no count of a few."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.questions import choices, questions
from kgservice.application.answers.small_groups import ask_guarded
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import load_rdf
from kgservice.domain.change import Origin
from kgservice.domain.clock import Clock
from kgservice.domain.model import TYPE
from kgservice.domain.principal import Role
from kgservice.domain.question import Question
from kgservice.domain.small_groups import COUNTED, FIGURE, PLACE_OF_PERSONS, SINGLE
from kgservice.namespaces import CI
from kgservice.settings import Settings
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.serving import Running

ID = "00000000-0000-4000-8000-"
PAIN, SOLUTION = f"{ID}103000000006", f"{ID}103100000006"
QUESTIONS = questions()


@dataclass
class Demo:
    """A server with the demonstration graph, keys, and what no reader may be told."""

    server: Running
    reader: str
    researcher: str
    secret: set[str]
    texts: set[str]

    def tells(self, text: str) -> set[str]:
        """What of the secrets is in a text."""
        return {said for said in self.secret | self.texts if said in text}


@pytest.fixture(scope="module")
def demo(demo_kg: KnowledgeGraph, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("small")) as server:
            reader = make_key(kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
            researcher = make_key(kg.settings, Role.RESEARCHER, purposes=(RESEARCH,), default=RESEARCH)
            yield Demo(server, reader, researcher, *secrets(kg))
        kg.close()


def secrets(kg: KnowledgeGraph) -> tuple[set[str], set[str]]:
    """The ends of the IRIs of all persons and records of persons, and the longer texts that they alone hold."""
    private, public, texts, told = set(), set(), set(), set()
    for quad in kg.store.match([(None, None, None)]):
        of_project = kg.graphs.is_project(quad.graph_name) or kg.graphs.is_model(quad.graph_name)
        of_person = kg.graphs.is_record(quad.graph_name) and not of_project
        if isinstance(quad.subject, NamedNode):
            if of_project:
                public.add(quad.subject)
            elif of_person:
                private.add(quad.subject)
        if isinstance(quad.object, Literal) and len(quad.object.value) > 5:
            if of_person and not quad.object.datatype.value.startswith("http://www.w3.org/2001/XMLSchema#d"):
                texts.add(quad.object.value)
            elif of_project:
                told |= {quad.object.value, str(quad.subject)}
    persons = {q.subject for q in kg.store.match([(None, TYPE, NamedNode(f"{CI}Person"))])}
    assert len(persons) == 54
    assert persons <= private - public
    alone = {t for t in texts - told if not any(t in other for other in told) and t not in json.dumps(WORDS)}
    assert "Edeltraud Wöhrle" in alone
    assert any("@" in text for text in alone)
    return {node.value.rpartition("/")[2] for node in private - public}, alone


WORDS = [question.to_json() for question in QUESTIONS.values()]


def given(demo: Demo, question: Question) -> str:
    """The address of a question, with the first choice where it needs a value."""
    kg = demo.server.kg.reader(RESEARCH)
    needed = {
        p.name: choices(kg, p, "en")[0].iri if p.of_class else "e*" for p in question.parameters if p.required
    }
    return f"/queries/{question.id}?{urlencode(needed)}"


@pytest.mark.parametrize("id", list(QUESTIONS))
def test_an_answer_shows_no_single_person_and_no_few(demo: Demo, id: str) -> None:  # noqa: A002
    question = QUESTIONS[id]
    answer = asking(demo.server, given(demo, question), demo.reader)
    page = asking(demo.server, given(demo, question).replace("/queries", "/pages/questions"), demo.reader)
    if question.persons == SINGLE:
        assert (answer.status_code, page.status_code) == (403, 403)
        assert answer.json()["type"] == "/problems/forbidden"
        assert "single persons" in answer.json()["detail"]
        assert demo.tells(page.text) <= demo.tells(given(demo, question))  # a page repeats its address
        return
    if question.everything:
        assert (answer.status_code, page.status_code) == (403, 403)
        assert "needs the view of everything" in answer.json()["detail"]
        return
    assert (answer.status_code, page.status_code) == (200, 200), answer.text
    assert not demo.tells(answer.text)
    assert not demo.tells(page.text)
    found = answer.json()
    assert found["head"]["vars"] == list(question.columns)
    whole = asking(demo.server, given(demo, question), demo.researcher)
    assert "kg-suppressed" not in whole.headers
    rows = found["results"]["bindings"]
    for name, column in question.columns.items():
        values = [row[name]["value"] for row in rows if name in row]
        assert column.persons != COUNTED or all(float(value) >= 5 for value in values), (name, values)
        assert column.persons != SINGLE or not values
    if question.persons == "none":
        assert rows == whole.json()["results"]["bindings"]
        assert answer.headers["kg-suppressed"] == "0"
    marks = page.text.count("<td>(&lt; 5)</td>") + page.text.count('<td class="number">(&lt; 5)</td>')
    assert marks == int(answer.headers["kg-suppressed"])


def test_the_answer_says_how_many_cells_are_suppressed_in_every_format(demo: Demo) -> None:
    address = "/queries/moments-of-truth?language=en"
    answer = asking(demo.server, address, demo.reader)
    whole = asking(demo.server, address, demo.researcher).json()["results"]["bindings"]
    counted = [n for n, c in QUESTIONS["moments-of-truth"].columns.items() if c.persons == COUNTED]
    small = sum(int(row[name]["value"]) < 5 for row in whole for name in counted)
    assert 0 < small == int(answer.headers["KG-Suppressed"])
    for kind in ("csv", "tsv", "xml"):
        other = asking(demo.server, f"{address}&format={kind}", demo.reader)
        assert other.status_code == 200
        assert other.headers["KG-Suppressed"] == str(small)
    head = asking(demo.server, address, demo.reader, "HEAD")
    assert (head.status_code, head.content, head.headers["KG-Suppressed"]) == (200, b"", str(small))
    assert "etag" not in answer.headers


def test_the_smallest_group_is_a_setting(demo: Demo) -> None:
    kg = demo.server.kg
    address = "/queries/evidence-recorded-in-time"
    (row,) = asking(demo.server, address, demo.researcher).json()["results"]["bindings"]
    before = kg.settings
    try:
        object.__setattr__(before, "smallest_group", int(row["denominator"]["value"]) + 1)
        assert kg.policy.smallest_group == before.smallest_group
        (shown,) = asking(demo.server, address, demo.reader).json()["results"]["bindings"]
        assert list(shown) == ["class"]
    finally:
        object.__setattr__(before, "smallest_group", 5)


def test_values_that_can_be_moved_step_by_step_are_refused(demo: Demo) -> None:
    for address in (
        "/queries/evidence-recorded-in-time?days=15",
        "/queries/issues-by-state?state=CA",
    ):
        answer = asking(demo.server, address, demo.reader)
        assert answer.status_code == 403, address
        assert "difference of two answers" in answer.json()["detail"]
        assert asking(demo.server, address, demo.researcher).status_code == 200
    assert asking(demo.server, "/queries/completeness?phase=MarketLaunch", demo.reader).status_code == 200
    assert asking(demo.server, "/queries/unsolved-pain-points?minimumAge=90", demo.reader).status_code == 200
    page = asking(demo.server, "/pages/questions/evidence-recorded-in-time", demo.reader).text
    assert 'name="days"' not in page


def test_no_parameter_that_a_reader_may_give_takes_a_person(demo: Demo) -> None:
    kg = demo.server.kg
    for question in QUESTIONS.values():
        for parameter in question.parameters if question.persons != SINGLE else ():
            assert parameter.type != "iri", question.id
            found = {choice.iri.rpartition("/")[2] for choice in choices(kg, parameter, "en")}
            assert not found & demo.secret, (question.id, parameter.name)


def test_a_figure_stands_beside_the_counts_it_is_made_of() -> None:
    for question in QUESTIONS.values():
        kinds = {column.persons for column in question.columns.values()}
        assert FIGURE not in kinds or COUNTED in kinds, question.id


@pytest.mark.parametrize(
    "address",
    ["/id/{}?format=turtle", "/pages/record?iri=https://kg.example/id/{}", "/trace/{}", "/pages/trace/{}"],
)
def test_a_record_of_a_person_is_as_unknown(demo: Demo, address: str) -> None:
    nothing = f"{ID}999999999999"
    unknown = asking(demo.server, address.format(nothing), demo.reader)
    assert unknown.status_code == 404
    for key in sorted(demo.secret)[::60]:
        answer = asking(demo.server, address.format(key), demo.reader)
        assert answer.status_code == 404, key
        assert answer.text.replace(key, nothing) == unknown.text


def test_a_pain_point_is_shown_without_its_evidence(demo: Demo) -> None:
    for address in (f"/id/{PAIN}?format=turtle", f"/pages/record?iri=https://kg.example/id/{PAIN}"):
        assert demo.tells(asking(demo.server, address, demo.researcher).text)
        answer = asking(demo.server, address, demo.reader)
        assert answer.status_code == 200
        assert not demo.tells(answer.text)


def test_a_trace_counts_its_evidence(demo: Demo) -> None:
    whole = asking(demo.server, f"/trace/{PAIN}", demo.researcher).json()
    assert whole["layers"]["evidence"]
    assert "evidence" not in whole
    answer = asking(demo.server, f"/trace/{PAIN}", demo.reader)
    found = answer.json()
    assert found["layers"]["evidence"] == []
    assert not demo.tells(answer.text)
    assert (len(whole["layers"]["evidence"]), found["evidence"]) == (6, "of fewer than 5 persons")
    assert found["layers"]["painPoints"] == whole["layers"]["painPoints"]
    assert not demo.tells(asking(demo.server, f"/trace/{PAIN}?format=jsonld", demo.reader).text)
    page = asking(demo.server, f"/pages/trace/{SOLUTION}", demo.reader)
    assert page.status_code == 200
    assert not demo.tells(page.text)


def test_the_page_of_what_is_loaded_counts_no_persons_and_no_commits(demo: Demo) -> None:
    page = asking(demo.server, "/pages/contents?lang=en", demo.reader)
    assert page.status_code == 200
    whole = asking(demo.server, "/pages/contents?lang=en", demo.researcher)
    assert "Last commit" not in page.text + whole.text
    for name in ("pain point", "evidence", "person"):
        assert f">{name}</a></th>" in whole.text
        assert (f">{name}</a></th>" in page.text) == (name == "pain point")


def test_lists_tell_which_questions_a_reader_may_not_ask(demo: Demo) -> None:
    single = {question.id for question in QUESTIONS.values() if question.persons == SINGLE}
    everything = {question.id for question in QUESTIONS.values() if question.everything}
    assert single
    assert everything
    for key, refused in ((demo.reader, single | everything), (demo.researcher, everything)):
        listed = asking(demo.server, "/queries", key).json()
        assert {question["id"] for question in listed if question["refused"]} == refused
        page = asking(demo.server, "/pages/questions?lang=en", key).text
        linked = {
            name
            for name in QUESTIONS
            if f'href="/pages/questions/{name}?' in page or f'questions/{name}"' in page
        }
        assert linked == QUESTIONS.keys() - refused
        assert page.count("needs the view of everything") == len(everything)
        assert page.count("your role may not see") == len(refused - everything)
    for name in single | everything:
        assert asking(demo.server, f"/queries/{name}", demo.reader).status_code == 403


def test_which_counts_of_records_are_not_told_by_person() -> None:
    """Of solutions, of complaints that name nobody, and of persons themselves."""
    without = {
        question.id
        for question in QUESTIONS.values()
        if any(column.persons == COUNTED for column in question.columns.values())
        and not question.everything
        and f"?{PLACE_OF_PERSONS} {{ UNDEF }}" not in question.text
    }
    complaints = {question.id for question in QUESTIONS.values() if question.group == "complaints"}
    assert without - complaints == {"unmet-needs", "unique-persons"}


RECORDS = """
t:r{n} a ci:{kind} ; ci:dataSubject t:p{person} . t:p{person} a ci:Person .
t:r{n} ci:collectedAt t:a ; ci:sourceOfData t:s ; ci:title "{n}"@en .
t:r{n} ci:collectedAtTime "2026-01-01T00:00:00Z"^^xsd:dateTime ; ci:recordedAt "{recorded}"^^xsd:dateTime .
t:c ci:evidencedBy t:r{n} .
t:w{n} a ci:TouchpointPass ; ci:dataSubject t:p{person} ; ci:atTouchpoint t:a ; ci:outcome ci:Satisfied .
t:e{n} a ci:EmotionObservation ; ci:dataSubject t:p{person} ; ci:observedIn t:w{n} ; ci:intensity 2 .
t:l{n} a ci:CrmLink ; ci:dataSubject t:p{person} ; ci:proposedIn t:run ; ci:decision ci:LinkAccepted .
"""
THINGS = """@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix t: <https://kg.example/id/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
t:a a ci:Touchpoint ; ci:phase ci:MarketLaunch ; ci:automationDegree 1 .
t:s a ci:DataSource . t:c a ci:PainPoint .
t:run a ci:MatchRun ; ci:startedAt "2026-01-01T00:00:00Z"^^xsd:dateTime ; ci:modelKind "m" .
t:run ci:modelDigest "d" ; ci:dataState "s" .
"""


def told(
    kg: KnowledgeGraph,
    question: str,
    folder: Path,
    persons: Sequence[int | None],
    late: int = 0,
    kind: str = "Feedback",
) -> dict[str, str]:
    """The counts that a reader is told where there is a record of each of the persons, some of them late.

    None: a record of which it is not shown whose it is.
    """
    records = (
        RECORDS.format(
            n=n,
            kind=kind,
            person=person,
            recorded="2026-06-01T00:00:00Z" if n < late else "2026-01-02T00:00:00Z",
        )
        for n, person in enumerate(persons)
    )
    turtle = THINGS + "".join(records).replace("; ci:dataSubject t:pNone", "").replace("t:pNone", "t:p0")
    (folder / "case.ttl").write_text(turtle, encoding="utf-8")
    load_rdf(kg, [folder / "case.ttl"], Origin())
    found = ask_guarded(kg.reader(None), question, {}, QUESTIONS).solutions
    columns = QUESTIONS[question].columns
    counts: dict[str, str] = {}
    for row in found.rows:
        for name, term in zip(found.variables, row, strict=True):
            if columns[name].persons and isinstance(term, Literal):
                counts[name] = term.value
    return counts


COUNTING = {
    "moments-of-truth": {"satisfied": "7"},
    "automation-and-emotion": {"meanIntensity": "2", "observations": "7"},
    "data-without-planned-method": {"records": "7"},
    "completeness": {"records": "7", "expected": "28", "filled": "14", "completeness": "0.5"},
    "links-by-run": {"links": "7"},
    "evidence-recorded-in-time": {"denominator": "7"},
    "unique-records": {"denominator": "7"},
    "retracted-source": {"lost": "7"},
}


@pytest.mark.parametrize(
    ("question", "counts"),
    COUNTING.items(),
)
def test_records_of_one_person_are_one(
    kg: KnowledgeGraph, tmp_path: Path, question: str, counts: dict[str, str]
) -> None:
    """Seven records of one customer are hidden, of seven customers they are shown."""
    assert told(kg, question, tmp_path, [1] * 7) == {}
    assert told(kg, question, tmp_path, [1, 2, 3, 4, 5, 6, 7]).items() >= counts.items()


@pytest.mark.parametrize("question", COUNTING)
def test_records_of_which_it_is_not_shown_whose_they_are_stand_for_nobody(
    kg: KnowledgeGraph, tmp_path: Path, question: str
) -> None:
    assert told(kg, question, tmp_path, [1, 2, 3, 4, None, None, None]) == {}
    assert told(kg, question, tmp_path, [1, 2, 3, 4, 5, None, None]) != {}


def test_documents_are_of_nobody_and_are_counted(kg: KnowledgeGraph, tmp_path: Path) -> None:
    documents = told(kg, "data-without-planned-method", tmp_path, [None] * 7, kind="Document")
    assert documents == {"records": "7"}


def test_what_is_left_of_a_whole_is_counted_by_person(kg: KnowledgeGraph, tmp_path: Path) -> None:
    """Of twelve customers and 19 items of evidence seven were late: of one customer, or of seven."""
    one = [1] * 7 + list(range(1, 13))
    assert told(kg, "evidence-recorded-in-time", tmp_path, one, late=7) == {"denominator": "19"}
    several = list(range(1, 8)) + list(range(1, 13))
    counts = {"numerator": "12", "denominator": "19"}
    assert told(kg, "evidence-recorded-in-time", tmp_path, several, late=7) == counts
