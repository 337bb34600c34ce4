"""The complaints: what the import makes of them, and the saved questions against the CSV read by polars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from kgservice import resources
from kgservice.application.answers.questions import ask, choices, questions
from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.application.guard.validation import validate
from kgservice.application.imports.tables import TableSummary, load_tables
from kgservice.domain.finding import Policy
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore

pytestmark = pytest.mark.slow  # 1500 complaints pass the guard

FOLDER = resources.folder("examples") / "cfpb"
METRICS = {
    "en": {"Days from receipt to sending to the company", "Timely response", "Consumer disputed"},
    "de": {
        "Tage vom Eingang bis zur Weitergabe an das Unternehmen",
        "Rechtzeitige Antwort",
        "Abschluss bestritten",
    },
}
CHANNELS = {"Web": "Web", "Phone": "Phone", "Postal mail": "PostalMail", "Referral": "Referral"}


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    frame = pl.read_csv(FOLDER / "cfpb-complaints.csv", infer_schema=False)
    return frame.with_columns(channel=pl.col("Submitted via").replace_strict(CHANNELS))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KnowledgeGraph, TableSummary]]:
    """In memory: what is written on disk takes four times as long, and this is a million statements."""
    kg = KnowledgeGraph.open(Settings(), OxigraphStore())
    yield kg, load_tables(kg, FOLDER, rejects=tmp_path_factory.mktemp("rejects"))
    kg.close()


@pytest.fixture
def kg(model_only: OxigraphStore, guard: Guard) -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph that is guarded."""
    with model_only.copy() as store:
        graph = KnowledgeGraph.open(Settings(), store)
        graph.guard = guard
        yield graph
        graph.close()


def answer(
    loaded: tuple[KnowledgeGraph, TableSummary], question: str, *columns: str, **params: str
) -> list[list[str]]:
    """The rows of a saved question, with these columns, as text; concepts by their local name."""
    solutions = ask(loaded[0], question, params).solutions
    places = [solutions.variables.index(c) for c in columns]
    return [[str(getattr(row[i], "value", None)).removeprefix(CI) for i in places] for row in solutions.rows]


def of_every_kind(folder: Path) -> tuple[Path, int]:
    """A file with a row of every kind that there is, and how many these are."""
    kinds = [
        "Submitted via",
        "Tags",
        "Consumer consent provided?",
        "Company response to consumer",
        "Timely response?",
        "Consumer disputed?",
    ]
    frame = pl.read_csv(FOLDER / "cfpb-complaints.csv", infer_schema=False)
    found = frame.unique(kinds, keep="first", maintain_order=True)
    assert found.height > 60
    found.write_csv(folder / "some.csv")
    return folder / "some.csv", found.height


def distinct(table: pl.DataFrame, *columns: str) -> int:
    return table.select(columns).unique().height


def test_summary(loaded: tuple[KnowledgeGraph, TableSummary], table: pl.DataFrame) -> None:
    _, summary = loaded
    assert (summary.rows, summary.taken, summary.repeated, summary.refused, summary.commit) == (
        1500,
        1500,
        0,
        [],
        6,
    )
    assert (summary.added, summary.removed) == (98847, 0)
    records = {name.removeprefix(CI): count for name, count in summary.records.items()}
    consent = dict(table["Consumer consent provided?"].value_counts().rows())
    closed = table.filter(pl.col("Company response to consumer") != "In progress")
    place = ("Company", "Product", "Sub-product")
    problem = (*place, "Issue", "Sub-issue")
    dispute = pl.col("Consumer disputed?") != "N/A"
    asked = 1500 - consent[None] - consent["N/A"]
    told = table["Consumer complaint narrative"].drop_nulls().len()
    expected = {
        "Document": 1500 + table["Company public response"].drop_nulls().len(),
        "PrivateCustomer": asked,
        "Feedback": told,
        "SpecialCategoryScreening": told,
        "Employee": 1,
        "Provider": distinct(table, "Company") + 1,  # and the agency that asks for consent
        "Project": distinct(table, *place),
        "Touchpoint": distinct(table, *place, "channel"),
        "PlannedMethod": distinct(table, *place, "channel"),
        "MethodUse": distinct(table, *place, "channel"),
        "PainPoint": distinct(table, *problem),
        "Solution": distinct(closed, *problem, "Company response to consumer"),
        "SolutionKind": distinct(closed, "Company response to consumer"),
        "ProductServiceSystem": distinct(table, "Product")
        + distinct(table.drop_nulls("Sub-product"), "Product", "Sub-product"),
        "Measurement": 2 * 1500 + table.filter(dispute).height,
        "Impact": 2 * closed.height + closed.filter(dispute).height,
        "Metric": 3,
        "StaticSegment": distinct(table.drop_nulls("State"), "State") + 2,
        "DataSource": 1,
        "ConsentNotice": 1,
        "ConsentRecord": asked,
        "ConsentGiven": consent["Consent provided"] + consent["Consent withdrawn"],
        "ConsentRefused": consent["Consent not provided"],
        "ConsentWithdrawn": consent["Consent withdrawn"],
        "ConsentRequested": asked,
    }
    concepts = distinct(table, "Issue") + distinct(table.drop_nulls("Sub-issue"), "Issue", "Sub-issue")
    assert records.pop("http://www.w3.org/2004/02/skos/core#Concept") == concepts
    assert records == expected


def test_the_graph_is_what_it_is_defined_to_be(loaded: tuple[KnowledgeGraph, TableSummary]) -> None:
    assert check(loaded[0]) == []


def test_loading_twice_changes_nothing(loaded: tuple[KnowledgeGraph, TableSummary], tmp_path: Path) -> None:
    kg, first = loaded
    path, rows = of_every_kind(tmp_path)
    again = load_tables(kg, FOLDER, files=[path], rejects=tmp_path)
    assert (again.rows, again.taken, again.added, again.removed) == (rows, rows, 0, 0)
    assert again.records.keys() == first.records.keys()
    assert kg.head == first.commit


def test_what_concerns_a_person_is_in_that_persons_graphs(
    loaded: tuple[KnowledgeGraph, TableSummary],
) -> None:
    kg, _ = loaded
    rows = kg.select(
        f"""PREFIX ci: <{CI}>
        SELECT ?kind (COUNT(DISTINCT ?graph) AS ?graphs) WHERE {{
          GRAPH ?graph {{ ?thing ci:dataSubject|ci:eventOf|ci:content|ci:legalBasis ?any }}
          BIND(STRBEFORE(STRAFTER(STR(?graph), "/graph/"), "/") AS ?kind)
          FILTER(!STRSTARTS(STR(?graph), "{kg.addresses.views}"))
        }} GROUP BY ?kind ORDER BY ?kind"""
    ).rows
    assert [[getattr(x, "value", None) for x in row] for row in rows] == [
        ["consent", "602"],
        ["subject", "249"],
    ]


def test_a_complaint_leads_to_no_person(loaded: tuple[KnowledgeGraph, TableSummary]) -> None:
    """Only who gave a narrative for publication is linked to the complaint; whoever refused or withdrew is not."""
    kg, _ = loaded
    [[linked]] = kg.select(
        f"""PREFIX ci: <{CI}>
        SELECT (COUNT(DISTINCT ?person) AS ?n) WHERE {{
          ?complaint ci:externalSystem ?system .
          {{ ?complaint ?p ?person }} UNION {{ ?thing ?p ?complaint ; ci:dataSubject ?person }}
          ?person a ci:PrivateCustomer .
        }}"""
    ).rows
    assert getattr(linked, "value", None) == "249"


def test_narratives_that_reveal_what_is_protected(loaded: tuple[KnowledgeGraph, TableSummary]) -> None:
    rows = answer(loaded, "special-category-records", "record", "basisLabel", language="en")
    assert [basis for _, basis in rows] == ["GDPR Art. 9(2)(a)"] * 7


@pytest.mark.parametrize("response", ["Closed with explanation", "Closed without relief"])
def test_disputed_after_closing(
    loaded: tuple[KnowledgeGraph, TableSummary], table: pl.DataFrame, response: str
) -> None:
    expected = (
        table.filter(pl.col("Company response to consumer") == response)
        .group_by("channel", "Issue")
        .agg(
            closed=pl.len(),
            asked=(pl.col("Consumer disputed?") != "N/A").sum(),
            disputed=(pl.col("Consumer disputed?") == "Yes").sum(),
        )
        .rows()
    )
    columns = ("channel", "issueLabel", "closed", "asked", "disputed")
    rows = answer(loaded, "disputed-after-closing", *columns, response=response)
    assert sorted(rows) == sorted([str(x) for x in row] for row in expected)
    assert (
        sum(int(row[3]) for row in rows)
        == {"Closed with explanation": 6, "Closed without relief": 2}[response]
    )
    # What is known comes first: disputed ones, then those with an answer, then by number.
    order = [(int(row[4]), int(row[3]), int(row[2])) for row in rows]
    assert order == sorted(order, reverse=True)


def test_timeliness_by_company(loaded: tuple[KnowledgeGraph, TableSummary], table: pl.DataFrame) -> None:
    expected = (
        table.group_by("Company").agg(n=pl.len(), timely=(pl.col("Timely response?") == "Yes").sum()).rows()
    )
    rows = answer(loaded, "timeliness-by-company", "name", "complaints", "timely", "rate")
    assert sorted(row[:3] for row in rows) == sorted([str(x) for x in row] for row in expected)
    assert all(float(rate) == pytest.approx(int(timely) / int(n)) for _, n, timely, rate in rows)
    assert rows[0][0] == table.filter(pl.col("Timely response?") == "No")["Company"].item()


def test_days_to_company_by_product(loaded: tuple[KnowledgeGraph, TableSummary], table: pl.DataFrame) -> None:
    days = (
        pl.col("Date sent to company").str.to_date() - pl.col("Date received").str.to_date()
    ).dt.total_days()
    expected = {
        product: (n, median, longest)
        for product, n, median, longest in table.group_by("Product")
        .agg(pl.len(), days.median().alias("median"), days.max().alias("longest"))
        .rows()
    }
    rows = answer(loaded, "days-to-company-by-product", "name", "complaints", "median", "longest")
    assert {name: (int(n), float(median), int(longest)) for name, n, median, longest in rows} == expected
    assert len(rows) == len(expected)


def test_narratives_by_channel(loaded: tuple[KnowledgeGraph, TableSummary], table: pl.DataFrame) -> None:
    consent = pl.col("Consumer consent provided?").fill_null("")
    expected = (
        table.group_by("channel")
        .agg(
            pl.len(),
            (consent == "Consent provided").sum().alias("given"),
            (consent == "Consent not provided").sum().alias("refused"),
            pl.col("Consumer complaint narrative").count().alias("told"),
        )
        .rows()
    )
    rows = answer(
        loaded, "narratives-by-channel", "channel", "complaints", "given", "refused", "narratives", "share"
    )
    assert sorted(row[:5] for row in rows) == sorted([str(x) for x in row] for row in expected)
    assert float(rows[0][5]) == pytest.approx(249 / 1456)


def test_choices_with_equal_names_are_told_apart(loaded: tuple[KnowledgeGraph, TableSummary]) -> None:
    solution = questions()["impact-of-solution"].parameter("solution")
    labels = [choice.label for choice in choices(loaded[0], solution, "en")]
    assert len(set(labels)) == len(labels) > 200
    assert any(label.startswith("Closed with explanation …") for label in labels)


def test_consents_rest_on_no_old_notice(loaded: tuple[KnowledgeGraph, TableSummary]) -> None:
    assert answer(loaded, "expiring-consents", "consent", "reason") == []


@pytest.mark.parametrize("language", ["de", "en"])
def test_labels_in_one_language_only_are_shown_in_both(
    loaded: tuple[KnowledgeGraph, TableSummary], language: str
) -> None:
    """The bureau's names of issues and responses are English; the metrics are ours."""
    rows = answer(loaded, "impact-of-solution", "solutionTitle", "metricLabel", language=language)
    assert "Closed with explanation" in {title for title, _ in rows}
    assert {metric for _, metric in rows} == METRICS[language]


def test_channel_labels(loaded: tuple[KnowledgeGraph, TableSummary]) -> None:
    for language in ("de", "en"):
        labels = answer(loaded, "narratives-by-channel", "channelLabel", language=language)
        assert "None" not in {label for [label] in labels}


@pytest.mark.parametrize("group", ["", "Older American", "Servicemember"])
@pytest.mark.parametrize("state", ["", "TX"])
def test_issues_by_state(
    loaded: tuple[KnowledgeGraph, TableSummary], table: pl.DataFrame, state: str, group: str
) -> None:
    chosen = table.drop_nulls("State")
    if state:
        chosen = chosen.filter(pl.col("State") == state)
    if group:
        chosen = chosen.filter(pl.col("Tags").fill_null("").str.contains(group, literal=True))
    expected = chosen.group_by("State", "Issue").len().rows()
    params = {k: v for k, v in (("state", state), ("group", group)) if v}
    rows = answer(loaded, "issues-by-state", "state", "issueLabel", "complaints", **params)
    assert sorted(rows) == sorted([str(x) for x in row] for row in expected)
    assert rows


def test_responses_by_issue(loaded: tuple[KnowledgeGraph, TableSummary], table: pl.DataFrame) -> None:
    closed = table.filter(pl.col("Company response to consumer") != "In progress")
    expected = closed.group_by("Issue", "Company response to consumer").len().rows()
    rows = answer(loaded, "responses-by-issue", "issueLabel", "responseLabel", "complaints")
    assert sorted(rows) == sorted([str(x) for x in row] for row in expected)


def test_disputes_are_counted(kg: KnowledgeGraph, tmp_path: Path) -> None:
    lines = (FOLDER / "cfpb-complaints.csv").read_bytes().split(b"\r\n")
    closed = [line for line in lines if line.endswith((b",Closed with explanation,Yes,N/A," + line[-7:],))][
        :4
    ]
    rows = [line.replace(b",Yes,N/A,", b",Yes,Yes,") for line in closed[:3]] + closed[3:]
    path = tmp_path / "later.csv"
    path.write_bytes(b"\r\n".join([lines[0], *rows]))
    summary = load_tables(kg, FOLDER, files=[path], rejects=tmp_path)
    assert summary.taken == 4
    found = answer((kg, summary), "disputed-after-closing", "closed", "asked", "disputed")
    assert [sum(int(row[i]) for row in found) for i in range(3)] == [4, 3, 3]


def test_the_shapes_hold(kg: KnowledgeGraph, tmp_path: Path) -> None:
    """No violation among rows of every kind (all rows take pySHACL too long), in the profile of consent only."""
    path, rows = of_every_kind(tmp_path)
    assert load_tables(kg, FOLDER, files=[path], rejects=tmp_path).taken == rows
    report = validate(kg, policy=Policy(profile="consent-only"))
    assert [str(f) for f in report.findings if f.severity == "Violation"] == []


def test_a_consent_may_come_and_go(kg: KnowledgeGraph, tmp_path: Path) -> None:
    """Later deliveries of one complaint: refused, given, withdrawn. None breaks a rule."""
    frame = pl.read_csv(FOLDER / "cfpb-complaints.csv", infer_schema=False)
    row = frame.filter(pl.col("Consumer consent provided?") == "Consent not provided").head(1)
    seen = []
    for state, narrative in (
        ("Consent not provided", None),
        ("Consent provided", "They lost my file."),
        ("Consent withdrawn", None),
    ):
        told = pl.lit(narrative, dtype=pl.String).alias("Consumer complaint narrative")
        path = tmp_path / f"{state}.csv"
        row.with_columns(told, pl.lit(state).alias("Consumer consent provided?")).write_csv(path)
        summary = load_tables(kg, FOLDER, files=[path], rejects=tmp_path)
        assert [str(f) for f in validate(kg).findings if f.severity == "Violation"] == []
        [found] = answer(
            (kg, summary), "narratives-by-channel", "complaints", "given", "refused", "narratives"
        )
        seen.append(found)
    assert seen == [["1", "0", "1", "0"], ["1", "1", "0", "1"], ["1", "0", "0", "0"]]
