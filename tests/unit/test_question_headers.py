"""Saved questions: what a header must say, and how values become terms of the query and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Store

from kgservice.application.answers.questions import ask, choices, find, questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.question import LANGUAGES, Parameter, Question, term, with_values
from kgservice.domain.question_file import named_by, parse
from kgservice.errors import BadInput, BadParameter, BadQuery, NotFound
from tests.wording import OTHER_WORDS

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDS = "https://kg.example/id/"
UUID = "00000000-0000-4000-8000-103000000003"

HEADER = """\
#+ title.de = "Frage"
#+ title.en = "Question"
#+ description.de = "Eine Frage."
#+ description.en = "A question."
#+ persons = "none"
#+ [parameters.word]
#+ type = "string"
#+ default = "x"
#+ label.de = "Wort"
#+ label.en = "Word"
#+
#+ [columns.word]
#+ de = "Das Wort."
#+ en = "The word."
"""
QUERY = "\nSELECT ?word { VALUES ?word { UNDEF } }\n"


def read(text: str) -> Question:
    return parse(text, id="some-question", group="tracing", path="tracing/some-question.rq")


def parameter(kind: str, **more: object) -> Parameter:
    return Parameter("p", kind, {"de": "P", "en": "P"}, **more)  # type: ignore[arg-type]


def value(kind: str, text: str) -> NamedNode | Literal:
    return term(parameter(kind), text, now=NOW, ids=IDS)


def test_header_is_read() -> None:
    question = read(HEADER + QUERY)
    assert question.title == {"de": "Frage", "en": "Question"}
    assert question.number is None
    assert question.parameters[0].default == "x"
    assert list(question.columns) == ["word"]
    label = {"de": "Wort", "en": "Word"}
    assert question.to_json()["columns"] == [
        {"name": "word", "de": "Das Wort.", "en": "The word.", "label": label, "values": {}, "persons": None}
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('#+ title.en = "Question"\n', "", 1, "title.en is missing"),
        ('title.en = "Question"', 'title.en = "Question', 2, "not TOML"),
        ('title.en = "Question"', 'title.fr = "Question"', 1, "title.en is missing"),
        ('#+ persons = "none"', "#+", 1, "persons must be one of"),
        ('#+ persons = "none"', '#+ persons = "all"', 5, "persons must be one of"),
        ('persons = "none"', 'persons = "columns"', 5, "goes with columns"),
        ('#+ en = "The word."\n', '#+ en = "The word."\n#+ persons = "counted"\n', 5, "goes with columns"),
        (
            '#+ en = "The word."\n',
            '#+ en = "The word."\n#+ persons = "few"\n',
            12,
            "columns.word.persons must",
        ),
        ('#+ en = "The word."\n', '#+ en = "The word."\n#+ part_of = "x"\n', 12, "part_of goes with a count"),
        ('type = "string"', 'type = "text"', 6, "parameters.word.type must be one of"),
        ('type = "string"', 'type = "instance"', 6, "class goes with type instance"),
        ('type = "string"', 'type = "string"\n#+ class = "ci:Phase"', 6, "class goes with type instance"),
        ('type = "string"', 'type = "integer"', 6, "the default of 'word' does not fit"),
        ('default = "x"', 'default = "x"\n#+ required = true', 6, "only without default"),
        ('default = "x"', 'default = "x"\n#+ colour = "red"', 6, "unknown entry 'colour'"),
        ("[parameters.word]", "[parameters.format]", 6, "reserved"),
        ("[parameters.word]", "[parameters.wo-rd]", 6, "no name of a variable"),
        ('#+ label.en = "Word"\n', "", 6, "parameters.word.label.en is missing"),
        ('#+ en = "The word."\n', "", 12, "columns.word.en is missing"),
        ('#+ title.de = "Frage"', '#+ number = "3"\n#+ title.de = "Frage"', 1, "number must be an integer"),
        ('#+ title.de = "Frage"', '#+ colour = 3\n#+ title.de = "Frage"', 1, "unknown entry 'colour'"),
        ("VALUES ?word { UNDEF }", "VALUES ?word { 'x' }", 6, "has no place `VALUES ?word { UNDEF }`"),
        ("SELECT ?word {", "SELECT ?word {\n VALUES ?other { UNDEF }", 17, "belongs to no parameter"),
        (QUERY, "\n", 15, "no query after the header"),
    ],
)
def test_broken_header_names_file_and_line(old: str, new: str, line: int, says: str) -> None:
    text = (HEADER + QUERY).replace(old, new)
    assert text != HEADER + QUERY
    with pytest.raises(BadInput) as error:
        read(text)
    assert says in error.value.detail
    assert error.value.source == "tracing/some-question.rq"
    assert error.value.line == line


def test_a_file_without_header_is_broken() -> None:
    with pytest.raises(BadInput, match="does not start with a header") as error:
        read("SELECT * {}")
    assert error.value.line == 1


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("iri", "https://a.example/ü", "<https://a.example/ü>"),
        ("iri", "ci:Survey", "<https://w3id.org/kgservice/ci#Survey>"),
        ("iri", UUID, f"<{IDS}{UUID}>"),
        ("instance", UUID.upper(), f"<{IDS}{UUID}>"),
        ("string", 'a"b\\\n', '"a\\"b\\\\\\n"'),
        ("integer", "-007", '"-7"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        ("decimal", "1.50", '"1.50"^^<http://www.w3.org/2001/XMLSchema#decimal>'),
        ("decimal", ".5", '"0.5"^^<http://www.w3.org/2001/XMLSchema#decimal>'),
        ("boolean", "true", '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'),
        (
            "dateTime",
            "2026-11-20T13:00:00+01:00",
            '"2026-11-20T12:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>',
        ),
        ("dateTime", "2026-11-20", '"2026-11-20T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>'),
        ("dateTime", "now", '"2026-11-20T12:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>'),
    ],
)
def test_values_become_terms(kind: str, text: str, expected: str) -> None:
    assert str(value(kind, text)) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("iri", "no iri"),
        ("iri", "https://a.example/> } DROP ALL #"),
        ("iri", "relative"),
        ("instance", "ci:a b"),
        ("integer", "1.0"),
        ("integer", "1e3"),
        ("integer", "٣"),
        ("integer", "9" * 30),
        ("integer", "9" * 9_000),
        ("decimal", "NaN"),
        ("decimal", "1e3"),
        ("boolean", "1"),
        ("dateTime", "2026-11-20T12:00:00"),
        ("dateTime", "20 November"),
        ("dateTime", "0001-01-01T00:00:00+14:00"),
        ("string", "\ud800"),
        ("string", "x" * 10_001),
    ],
)
def test_mistyped_values_are_refused(kind: str, text: str) -> None:
    with pytest.raises(BadParameter) as error:
        value(kind, text)
    assert error.value.source == "p"
    assert len(error.value.detail) < 300


def test_only_the_listed_values() -> None:
    with pytest.raises(BadParameter, match="is not one of `de`, `en`"):
        term(parameter("string", values=("de", "en")), "fr", now=NOW, ids=IDS)


def test_unknown_and_missing_parameters_are_named() -> None:
    question = read((HEADER + QUERY).replace('default = "x"', "required = true"))
    with pytest.raises(BadParameter, match="has no parameter 'wort'; did you mean 'word'"):
        question.terms({"wort": "x"}, now=NOW, ids=IDS)
    for given in ({}, {"word": ""}):
        with pytest.raises(BadParameter, match="needs a value for 'word'") as error:
            question.terms(given, now=NOW, ids=IDS)
        assert error.value.source == "word"


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '" } ; DROP ALL #',
        "'''",
        "\\",
        '\\" } #',
        "\n} #",
        "\r",
        "\u2028",
        "VALUES ?word { UNDEF }",
        "\x00\x07",
        "{{{ }}} ?word",
        "😀" * 5_000,
    ],
)
def test_a_value_stays_one_term(text: str) -> None:
    bound = read(HEADER + QUERY).bound({"word": Literal(text)})
    (row,) = Store().query(bound)  # type: ignore[misc]
    assert row["word"] == Literal(text)


def test_several_terms_and_none() -> None:
    text = "SELECT ?a ?b { VALUES ?a { UNDEF } VALUES ?b { UNDEF } }"
    filled = with_values(text, {"a": [Literal("1"), Literal("2")], "b": []})
    assert filled == 'SELECT ?a ?b { VALUES ?a { "1" "2" } VALUES ?b {  } }'


def test_shipped_headers_are_whole() -> None:
    known = questions()
    groups = {q.group for q in known.values() if q.number is not None}
    assert groups == {
        "tracing", "journey", "methods", "segmentation", "consent", "quality", "crm", "provenance",
    }  # fmt: skip
    for question in known.values():
        texts = [question.title, question.description, *(c.meaning for c in question.columns.values())]
        texts += [c.label for c in question.columns.values()]
        texts += [words for c in question.columns.values() for words in c.values.values()]
        texts += [p.label for p in question.parameters]
        texts += [p.description for p in question.parameters if p.description]
        for text in texts:
            assert set(text) == set(LANGUAGES), question.id
            assert all(text[language].strip() == text[language] != "" for language in LANGUAGES), question.id
            assert not any("`" in text[language] for language in LANGUAGES), question.id
            assert not re.search(OTHER_WORDS, text["de"]), question.id
        assert question.title["de"] != question.title["en"], question.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_heads_of_tables_are_short_and_differ(language: str) -> None:
    for question in questions().values():
        heads = [
            column.label[language]
            for name, column in question.columns.items()
            if named_by(name) not in question.columns
        ]
        assert len(set(heads)) == len(heads), question.id
        for head in heads:
            assert len(head) <= 32, (question.id, head)
            assert not re.match(r"(Sein|Ihr|Wann|Ob|Wer|Its?|When|Whether)\b(?! gewinnt)", head), head


def test_every_code_of_an_answer_has_words() -> None:
    """Codes are plain strings in a query, apart from languages, parameters, durations and states of findings."""
    for question in questions().values():
        body = "\n".join(line for line in question.text.splitlines() if not line.startswith("#"))
        body = re.sub(r'IN \("de", "en"\)', "", body)
        codes = set(re.findall(r'"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)"(?!@)', body)) - {"open", "waived"}
        worded = {code for column in question.columns.values() for code in column.values}
        assert codes <= worded, question.id


def test_the_label_of_a_column_is_its_own_or_derived() -> None:
    text = HEADER + '#+ label.de = "W"\n#+ label.en = "V"\n#+ values.a-b = { de = "x", en = "y" }\n' + QUERY
    column = read(text).columns["word"]
    assert (column.label, column.words("en")) == (
        {"de": "W", "en": "V"},
        {"true": "yes", "false": "no", "a-b": "y"},
    )
    with pytest.raises(BadInput, match=r"columns.word.values.a-b.en is missing"):
        read(text.replace(', en = "y"', ""))
    with pytest.raises(BadInput, match="unknown entry 'colour'"):
        read(text.replace("label.de", "colour"))


def test_an_extension_is_declared() -> None:
    """Arithmetic on moments is no SPARQL 1.1; a query that computes days says so in its header."""
    for question in questions().values():
        assert ("SEP-0002" in question.needs) == (', "D"))' in question.text), question.id


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_ids_and_numbers_are_unique(tmp_path: Path) -> None:
    numbered = "#+ number = 3\n" + HEADER + QUERY
    write(tmp_path, "a/one.rq", numbered)
    write(tmp_path, "b/two.rq", numbered)
    with pytest.raises(BadInput) as error:
        questions(tmp_path)
    assert str(error.value) == "b/two.rq, line 1: the number 3 is taken by a/one.rq"
    (tmp_path / "b/two.rq").rename(tmp_path / "b/one.rq")
    with pytest.raises(BadInput) as error:
        questions(tmp_path)
    assert str(error.value) == "b/one.rq, line 1: the id is taken by a/one.rq"


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one.rq").write_bytes(b'#+ title.de = "\n\xff"')
    with pytest.raises(BadInput) as error:
        questions(tmp_path)
    assert (error.value.source, error.value.line) == ("a/one.rq", 2)


def test_broken_sparql_names_file_and_line(tmp_path: Path, kg: KnowledgeGraph) -> None:
    write(tmp_path, "a/one.rq", HEADER + QUERY + "}")
    with pytest.raises(BadQuery) as error:
        ask(kg, "one", {}, questions(tmp_path))
    assert error.value.source == "a/one.rq"
    assert error.value.line == 17


def test_a_question_is_found_by_id_or_number() -> None:
    known = questions()
    assert find(known, "3") is find(known, "unsolved-pain-points")
    with pytest.raises(NotFound, match="did you mean unsolved-pain-points"):
        find(known, "unsolved-painpoints")


def test_instances_are_checked_and_offered(kg: KnowledgeGraph) -> None:
    known = questions()
    phase = known["unsolved-pain-points"].parameter("phase")
    assert "Ideengenerierung" in {c.label for c in choices(kg, phase, "de")}
    assert len(choices(kg, phase, "en")) == 5
    local = ask(kg, "unsolved-pain-points", {"phase": "MarketLaunch"}, known)
    assert local.bindings["phase"] == NamedNode("https://w3id.org/kgservice/ci#MarketLaunch")
    says = "ci:Survey is no instance of ci:Phase; there are ci:.*, ci:IdeaGeneration, "
    with pytest.raises(BadParameter, match=says) as error:
        ask(kg, "unsolved-pain-points", {"phase": "ci:Survey"}, known)
    assert error.value.source == "phase"


def test_the_page_lists_every_question() -> None:
    page = (Path(__file__).parents[2] / "docs/questions.md").read_text(encoding="utf-8")
    for question in questions().values():
        names = [p.name for p in question.parameters if p.name != "language"]
        (line,) = [line for line in page.splitlines() if f"`{question.group}/{question.id}`" in line]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[-2] == question.title["en"]
        assert [cell.strip("`\\*") for cell in cells[-1].split(", ")] == (names or ["–"])
        assert question.number is None or cells[0] == str(question.number)
