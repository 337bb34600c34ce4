"""The ontology covers every row of the table of concepts, in both languages and with its source."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest
import rdflib
from rdflib import DCTERMS, SKOS
from rdflib.term import Node

from tests.wording import OTHER_WORDS

HERE = Path(__file__).parent
Labels = dict[tuple[str, str], set[Node]]


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table in this folder."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def plain(text: str) -> str:
    """One space wherever there is white space; the sources contain non-breaking spaces."""
    return re.sub(r"\s+", " ", text).strip()


def spellings(term: str) -> list[list[str]]:
    """Ways to find a term of the table: as it stands, without parentheses, the parts beside a slash."""
    bare = plain(re.sub(r"\([^)]*\)", " ", term))
    return [[plain(term)], [bare], [plain(part) for part in bare.split(" / ")]]


def named(labels: Labels, term: str, language: str) -> set[Node]:
    """The terms of the model that carry a label for a term of the table."""
    found: set[Node] = set()
    for parts in spellings(term):
        if all((part, language) in labels for part in parts):
            for part in parts:
                found |= labels[part, language]
    return found


@pytest.fixture(scope="module")
def labels(ontology: rdflib.Graph) -> Labels:
    found: Labels = defaultdict(set)
    for relation in (SKOS.prefLabel, SKOS.altLabel):
        for term, label in ontology.subject_objects(relation):
            assert isinstance(label, rdflib.Literal)
            found[plain(str(label)), str(label.language)].add(term)
    return dict(found)


def exceptions() -> set[tuple[str, str, str]]:
    return {(r["seed"], r["line"], plain(r["german"])) for r in rows("context-only.tsv")}


def test_every_row_is_a_term_with_both_labels_and_its_source(ontology: rdflib.Graph, labels: Labels) -> None:
    table, left_out, missing = rows("concepts.tsv"), exceptions(), []
    assert len(table) == 374
    for row in table:
        if (row["seed"], row["line"], plain(row["german"])) in left_out:
            continue
        terms = named(labels, row["german"], "de") & named(labels, row["english"], "en")
        source = rdflib.Literal(f"S{row['seed']} l.{row['line']}")
        if not any((term, DCTERMS.source, source) in ontology for term in terms):
            missing.append((row["german"], row["english"], str(source)))
    assert missing == []


def test_a_term_that_the_model_lacks_is_noticed(labels: Labels) -> None:
    assert named(labels, "Kundenkontaktpunkt (Touchpoint)", "de")
    assert named(labels, "Kunden\u00a0kontaktpunkt", "de") == set()
    assert named(labels, "Quantensprung", "de") == set()


def test_exceptions_are_few_reasoned_and_really_absent(labels: Labels) -> None:
    listed, table = rows("context-only.tsv"), rows("concepts.tsv")
    assert len(listed) <= 0.03 * len(table)
    known = {(r["seed"], r["line"], plain(r["german"])) for r in table}
    assert exceptions() <= known
    for row in listed:
        assert row["reason"].strip()
        assert not named(labels, row["german"], "de")


def test_preferred_labels_have_one_word_for_each_thing(ontology: rdflib.Graph) -> None:
    found = {str(label) for label in ontology.objects(None, SKOS.prefLabel) if label.language == "de"}  # type: ignore[attr-defined]
    assert len(found) > 500
    assert {label for label in found if re.search(OTHER_WORDS, label)} == {"Metriken"}  # a term of the source
