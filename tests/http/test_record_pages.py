"""The pages of records over a socket: forms made from the shapes, what they save, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.forms import records as form_records
from kgservice.application.forms.shapes import CLASSES, Forms
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.stewards import stewarding, trends
from kgservice.domain.change import Change
from kgservice.domain.principal import Role
from kgservice.namespaces import CI
from kgservice.store.base import Term
from kgservice.web.texts import catalogue
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.test_pages import checked
from tests.serving import PLAIN, Running, running

HTML = {"Accept": "text/html"}
PAIN = "00000000-0000-4000-8000-103000000007"
IMPACT = "00000000-0000-4000-8000-103200000003"


@dataclass
class Desk:
    """A service of its own on the demonstration, and a browser that has signed in."""

    kg: KnowledgeGraph
    server: Running
    browser: httpx.Client
    fields: dict[str, str] = field(default_factory=dict)

    def open(self, path: str) -> httpx.Response:
        """A page as a browser asks for it; its form is filled with what stands in it."""
        answer = self.browser.get(path, headers=HTML)
        self.take(answer)
        return answer

    def take(self, answer: httpx.Response) -> None:
        """Take over what stands in the form of an answer."""
        form = answer.text.partition('class="record-form"')[2].partition("</form>")[0]
        self.fields = {
            unescape(name): unescape(value)
            for name, value in re.findall(r'<input[^>]*? name="([^"]*)" value="([^"]*)"', form)
        }
        for name, inner in re.findall(r'<select[^>]*? name="([^"]*)".*?>(.*?)</select>', form, re.DOTALL):
            chosen = re.findall(r'<option value="([^"]*)" selected', inner)
            chosen += re.findall(r"<option selected>([^<]*)", inner)
            self.fields[unescape(name)] = unescape(chosen[0]) if chosen else ""
        for name, inner in re.findall(r'<textarea[^>]*? name="([^"]*)".*?>(.*?)</textarea>', form, re.DOTALL):
            self.fields[unescape(name)] = unescape(inner)

    def send(self, path: str, do: str = "save", **fields: str) -> httpx.Response:
        """Send the form as it stands, with these fields changed (`a__b` for `a/b`)."""
        changed = {f"v.{name.replace('__', '/')}.0": value for name, value in fields.items()}
        headers = {**HTML, "Origin": self.server.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        return self.browser.post(path, data={**self.fields, "do": do, **changed}, headers=headers)

    def says(self, record: str, prop: str) -> set[Term]:
        """What record graphs say of a record."""
        found = self.kg.store.match([(NamedNode(record), NamedNode(CI + prop), None)])
        return {quad.object for quad in found if self.kg.graphs.is_record(quad.graph_name)}

    def one(self, class_: str) -> str:
        """Some record of a class."""
        rows = self.kg.select(f"SELECT ?x WHERE {{ ?x a <{CI}{class_}> }} ORDER BY ?x LIMIT 1").rows
        node = rows[0][0]
        assert isinstance(node, NamedNode)
        return node.value


@pytest.fixture
def desk(demo_kg_guarded: KnowledgeGraph) -> Iterator[Desk]:
    with (
        running(demo_kg_guarded) as server,
        httpx.Client(base_url=server.url, timeout=60, verify=PLAIN) as browser,
    ):
        server.sign_in(browser)
        yield Desk(demo_kg_guarded, server, browser)


def test_forms_follow_the_shapes_and_the_ontology(demo_kg_guarded: KnowledgeGraph) -> None:
    forms = Forms(demo_kg_guarded)
    touchpoint, impact = forms.named("touchpoints"), forms.named("impacts")
    phase = touchpoint.at("phase")
    assert phase is not None
    assert (phase.least, phase.most, len(phase.among)) == (1, 1, 5)
    assert phase.label == {"de": "Phase des Touchpoints", "en": "phase of the touchpoint"}
    degree = touchpoint.at("automationDegree")
    assert degree is not None
    assert (degree.low, degree.high, degree.least) == ("0", "1", 0)
    value = impact.at("measurement/value")
    assert value is not None
    assert value.least == 1
    assert [group.label["en"] for group in touchpoint.groups] == ["Completeness", "Chain", "Cardinality"]
    assert all(form.fields for form in map(forms.named, CLASSES))
    links = {one.path for one in forms.named("planned-methods").fields}
    assert {"plannedFor", "executedBy"} <= links  # it needs one of them
    assert "hasPainPoint" not in {one.path for one in touchpoint.fields}  # the pain point says so


def test_what_a_record_says_survives_its_form(demo_kg_guarded: KnowledgeGraph) -> None:
    """Each record of the demonstration, shown in a form and sent unchanged, stays as it is."""
    kg, forms = demo_kg_guarded, Forms(demo_kg_guarded)
    seen = 0
    for form in map(forms.named, CLASSES):
        for (record,) in kg.select(f"SELECT ?x WHERE {{ ?x a <{form.of}> }}").rows:
            assert isinstance(record, NamedNode)
            shown = form_records.existing(kg, kg, form, record)
            made = form_records.plan(kg, form, shown, form_records.draft_of(form, shown))
            assert (made.add, made.remove, made.faults) == ([], [], []), record
            seen += 1
    assert seen > 100


def test_lists_are_searched_and_lead_to_forms(desk: Desk) -> None:
    answer = desk.open("/pages/records/touchpoints?q=alarm&lang=en")
    assert answer.status_code == 200
    checked(answer)
    rows = re.findall(r'<th scope="row"><a href="([^"]*)">', answer.text)
    assert 0 < len(rows) < 31
    assert desk.open(unescape(rows[0])).status_code == 200
    checked(desk.open("/pages/records/touchpoints/new"))
    checked(desk.open(f"/pages/records/impacts/record/{IMPACT}"))
    assert desk.open("/pages/records/nothing").status_code == 404
    assert desk.open("/pages/records/impacts?page=0").status_code == 400
    assert desk.open(f"/pages/records/impacts/record/{PAIN}").status_code == 404


def test_a_touchpoint_is_made_with_its_planned_method(desk: Desk) -> None:
    path = "/pages/records/touchpoints/new"
    desk.open(f"{path}?lang=en")
    refused = desk.send(f"{path}?lang=en", title="Kiosk <b>")
    assert refused.status_code == 422
    assert catalogue("en")["form-refused"] in unescape(refused.text)
    assert 'value="Kiosk &lt;b&gt;"' in refused.text  # what was typed is kept, and is text
    assert len(re.findall(r'class="field[^"]* faulty"', refused.text)) >= 6
    desk.take(refused)
    saved = desk.send(
        path,
        phase=f"{CI}MarketLaunch",
        channel=f"{CI}OnSite",
        inProject=desk.one("Project"),
        initiator=f"{CI}CustomerSide",
        receiver=f"{CI}ProviderSide",
        communicationMode=f"{CI}Synchronous",
        automationDegree="0,5",
        plannedMethod__method=f"{CI}UserTest",
        plannedMethod__declaresDataCategory=f"{CI}CommunicationData",
    )
    assert saved.status_code == 303, unescape(re.sub("<[^>]*>", " ", saved.text))
    record = desk.kg.addresses.ids + saved.headers["location"].rpartition("/")[2].partition("?")[0]
    assert desk.says(record, "title") == {Literal("Kiosk <b>", language="de")}
    assert {str(value) for value in desk.says(record, "automationDegree")} == {
        '"0.5"^^<http://www.w3.org/2001/XMLSchema#decimal>'
    }
    (plan,) = desk.says(record, "plannedMethod")
    assert isinstance(plan, NamedNode)
    assert desk.says(plan.value, "method") == {NamedNode(f"{CI}UserTest")}
    assert desk.send(path).status_code == 409  # the same form again: it is there


def test_values_that_are_none_are_told_at_their_field(desk: Desk) -> None:
    path = f"/pages/records/impacts/record/{IMPACT}?lang=en"
    desk.open(path)
    answer = desk.send(path, measurement__value="many", impactOf="https://kg.example/id/nobody")
    assert answer.status_code == 422
    assert catalogue("en")["wrong-number"] in unescape(answer.text)
    assert catalogue("en")["wrong-choice"] in unescape(answer.text)
    assert 'value="many"' in answer.text


def _first_field(page: str) -> str:
    """The path of the first field of a form."""
    found = re.search(r'name="v\.([^"]*)\.0"', page.partition('class="record-form"')[2])
    assert found is not None
    return found[1]


def test_what_is_found_in_one_of_many_fields_is_told_there(desk: Desk) -> None:
    path = "/pages/records/pain-points/new?lang=en"
    desk.open(path)
    answer = desk.send(path, title="Mail to hans@example.org")
    assert answer.status_code == 422
    (told,) = [part for part in answer.text.split('<div class="field')[1:] if "holds an e-mail" in part]
    assert 'name="v.title.0"' in told


def test_a_finding_names_the_field_that_holds_its_value(desk: Desk) -> None:
    record, text = NamedNode(desk.one("PainPoint")), Literal("Mail an hans@example.org", language="de")
    said = Quad(record, NamedNode(f"{CI}description"), text)
    desk.kg.commit(Change(add=(said,), trusted=True))
    stewarding.refresh(desk.kg)
    (entry,), _ = stewarding.listed(desk.kg, rule="R42")
    page = desk.open(f"/pages/findings/{entry.iri.value.removeprefix(desk.kg.addresses.ids)}?lang=de")
    facts = unescape(page.text.partition('<dl class="facts">')[2].partition("</dl>")[0])
    assert "<dt>Feld</dt><dd>Beschreibung (ci:description)</dd>" in facts
    assert "hans@example.org" in facts
    assert "ci:emailContent" not in facts
    assert _first_field(page.text) == "description"


def test_what_no_page_sends_is_no_failure_of_the_service(desk: Desk) -> None:
    path = "/pages/records/pain-points/new?lang=en"
    desk.open(path)
    desk.fields |= {"v.title.0": "x", "l.title.0": "en-a"}
    answer = desk.send(path)
    assert answer.status_code == 422
    assert catalogue("en")["wrong-language"] in unescape(answer.text)
    desk.fields |= {"l.title.0": "en", "v.title.٣": "x", "v.title.00": "x", f"v.title.{'9' * 5000}": "x"}
    assert desk.send(path).status_code == 422
    assert desk.open(f"/pages/records/pain-points?page=000000001{'9' * 5000}").status_code == 400


def test_a_measurement_is_changed_in_place(desk: Desk) -> None:
    path = f"/pages/records/impacts/record/{IMPACT}"
    record = desk.kg.addresses.ids + IMPACT
    before = desk.says(record, "measurement")
    desk.open(path)
    assert desk.send(path, measurement__value="70").status_code == 303
    assert desk.says(record, "measurement") == before
    (node,) = before
    assert isinstance(node, NamedNode)
    assert {value.value for value in desk.says(node.value, "value") if isinstance(value, Literal)} == {"70"}
    desk.open(path)
    refused = desk.send(f"{path}?lang=en", measurement__value="170")  # percent
    assert refused.status_code == 422
    assert "R47" in refused.text


def test_one_more_place_for_a_value_and_a_search_change_nothing(desk: Desk) -> None:
    path = f"/pages/records/pain-points/record/{PAIN}?lang=en"
    desk.open(path)
    head = desk.kg.head
    before = sum(name.startswith("v.evidencedBy.") for name in desk.fields)
    more = desk.send(path, "more:evidencedBy", title="typed")
    assert more.status_code == 200
    assert 'value="typed"' in more.text
    desk.take(more)
    assert sum(name.startswith("v.evidencedBy.") for name in desk.fields) == before + 1
    desk.fields["q.evidencedBy"] = "offer"
    found = desk.send(path, "find")
    assert len(re.findall("(?i)<option[^>]*>[^<]*offer", found.text)) > 1
    assert desk.kg.head == head


def test_two_writers_and_none_is_lost_unseen(desk: Desk) -> None:
    path = f"/pages/records/pain-points/record/{PAIN}"
    record = NamedNode(desk.kg.addresses.ids + PAIN)
    desk.open(f"{path}?lang=en")
    words = Literal("Another was here", language="de")
    desk.kg.commit(Change.adding([Quad(record, NamedNode(f"{CI}description"), words)]))
    late = desk.send(f"{path}?lang=en", title="My title")
    assert late.status_code == 412
    assert 'value="My title"' in late.text
    assert "Another was here" in late.text
    assert words in desk.says(record.value, "description")
    desk.take(late)
    assert desk.send(path, "over").status_code == 303
    assert Literal("My title", language="de") in desk.says(record.value, "title")


def test_only_those_who_edit_are_offered_records(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(demo_kg_guarded, tmp_path) as server:
        settings = demo_kg_guarded.settings
        reader = make_key(settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
        editor = make_key(settings, Role.EDITOR, purposes=(RESEARCH,), default=RESEARCH)
        for path in ("/pages/records", f"/pages/records/pain-points/record/{PAIN}"):
            assert asking(server, path, reader, headers=HTML).status_code == 403
            assert asking(server, path, editor, headers=HTML).status_code == 200
        assert (
            asking(server, "/pages/records/impacts/new", reader, "POST", data={"do": "save"}).status_code
            == 403
        )
        for path in ("/pages/quality", "/pages/findings/x/record"):
            assert asking(server, path, editor, headers=HTML).status_code == 403
        sheet = "/pages/records/impacts/sheet"
        assert asking(server, f"{sheet}/template", reader).status_code == 403
        assert asking(server, sheet, reader, "POST", files={"file": b"x"}).status_code == 403
        assert "/pages/records" not in asking(server, "/", reader, headers=HTML).text
        assert "/pages/records" in asking(server, "/", editor, headers=HTML).text
        new = asking(server, "/pages/records/impacts/new", editor, "POST", data={"do": "save", "record": "1"})
        assert new.status_code == 422


def test_who_may_not_see_everything_is_told_rules_and_not_records(
    demo_kg_guarded: KnowledgeGraph, tmp_path: Path
) -> None:
    with serving(demo_kg_guarded, tmp_path) as server:
        editor = make_key(demo_kg_guarded.settings, Role.EDITOR, purposes=(RESEARCH,), default=RESEARCH)
        form = {"do": "save", "record": "a1", "v.title.0": "x", "l.title.0": "en", "v.inProject.0": ""}
        answer = asking(server, "/pages/records/impacts/new?lang=en", editor, "POST", data=form, headers=HTML)
        assert answer.status_code == 422
        assert "R04" in answer.text
        assert 'value="x"' in answer.text


@pytest.mark.slow
def test_a_finding_is_mended_in_its_page(desk: Desk) -> None:
    stewarding.refresh(desk.kg)
    page = "/pages/findings/00000000-0000-4000-8000-108000000002"
    asked = desk.open(f"{page}?lang=en")
    checked(asked)
    first = asked.text.index("v.baseline/value.0")
    assert first < asked.text.index('name="v.title.0"')  # the field in question first
    fields = {"baseline__value": "7", "baseline__measuredAt": "2025-01-02T10:00"}
    wrong = desk.send(f"{page}/record?lang=en", **{**fields, "baseline__value": "many"})
    assert wrong.status_code == 422
    assert catalogue("en")["wrong-number"] in unescape(wrong.text)
    assert 'value="many"' in wrong.text
    refused = desk.send(f"{page}/record?lang=en", **fields)
    assert refused.status_code == 422  # no unit
    assert "R47" in refused.text
    assert desk.send(f"{page}/record", **fields, baseline__unit=f"{CI}Count").status_code == 303
    assert stewarding.one(desk.kg, page.rpartition("/")[2]).status == "mended"
    again = desk.send(f"{page}/record", **fields)
    assert again.status_code == 412  # the version is that of before
    assert desk.send("/pages/findings/nothing/record").status_code == 404


def test_findings_over_time_end_with_those_there_now(desk: Desk) -> None:
    stewarding.refresh(desk.kg)
    points = trends.open_over_time(desk.kg)
    assert points[-1].day == desk.kg.clock().date()
    there = stewarding.listed(desk.kg, status="open")[1] + stewarding.listed(desk.kg, status="waived")[1]
    assert sum(points[-1].open.values()) == there > 0
    assert len(points) <= trends.MOST
    answer = desk.open("/pages/quality?lang=de")
    checked(answer)
    last = points[-1].day
    assert f'<time datetime="{last.isoformat()}">{last:%d.%m.%Y}</time></th>' in answer.text
    assert "%" in answer.text
    assert desk.send("/pages/quality", "nothing").status_code == 400
