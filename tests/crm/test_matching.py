"""Normalising, training and scoring with real parts: DuckDB and Splink."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pytest
from benchmarks.german import rows
from benchmarks.matching_data import canonical, german, insert, same

from kgservice.crm.candidates import Candidates
from kgservice.crm.customer_index import CustomerIndex
from kgservice.crm.matching import ENOUGH, Matching
from kgservice.crm.models import from_json, shipped, untrained
from kgservice.crm.normalise import normalise, prepare
from kgservice.crm.pairs import read_pairs, read_weights
from kgservice.crm.untrained import untrained_for
from kgservice.domain.assignment import assign, best
from kgservice.domain.matching import BANDS, Band
from kgservice.errors import BadInput, StoreFailed
from tests.offline import offline

Filled = Callable[..., duckdb.DuckDBPyConnection]


@pytest.fixture
def filled() -> Iterator[Filled]:
    made: list[duckdb.DuckDBPyConnection] = []

    def fill(kind: str, *given: dict[str, Any], count: int = 0, seed: int = 3) -> duckdb.DuckDBPyConnection:
        db = canonical()
        made.append(db)
        if count:
            german(db, kind, count, seed)
        for row in given:
            insert(db, kind, [row])
        prepare(db)
        normalise(db, kind)
        return db

    yield fill
    for db in made:
        db.close()


def row_of(db: duckdb.DuckDBPyConnection, kind: str, key: str) -> dict[str, Any]:
    cursor = db.execute(f"SELECT * FROM compared_{kind} WHERE key = ?", [key])
    names = [column[0] for column in cursor.description or ()]
    return dict(zip(names, cursor.fetchall()[0], strict=True))


def person(source: str, key: str, **values: Any) -> dict[str, Any]:
    return {"source": source, "key": key, "email": [], "phone": [], **values}


def test_names_in_either_order_and_in_one_column_are_taken_apart(filled: Filled) -> None:
    db = filled(
        "persons",
        person("crm", "comma", full_name="Dr. Müller, Hans-Peter"),
        person("crm", "one", full_name="Anna von der Heide, MBA"),
        person("crm", "two", given_name="Uli", family_name="Müller"),
        person("crm", "family", family_name="Huber"),
        person("crm", "nothing"),
        person("crm", "double", full_name="Dipl.-Ing. Franziska-Marie Lackner-Ohm, Ph.D."),
        person("crm", "dash", full_name="Dr-Ing. Franziska Lackner\u2011Ohm - Dipl-Ing"),
        person("crm", "apart", given_name="Franziska Marie", family_name="von Lackner-Ohm"),
        person("crm", "turned", full_name="von Lackner-Ohm, Franziska"),
        person("crm", "lone", full_name="Lackner-Ohm"),
    )
    names = {key: row_of(db, "persons", key) for (key,) in db.execute("SELECT key FROM persons").fetchall()}
    assert (names["comma"]["given"], names["comma"]["family"]) == ("hans", "muller")
    assert names["comma"]["given_parts"] == ["hans", "peter"]
    assert (names["one"]["given"], names["one"]["family"]) == ("anna", "heide")
    assert names["two"]["given_root"] == "ulrich"
    assert (names["family"]["given"], names["family"]["family"]) == (None, "huber")
    assert names["nothing"]["name"] is None
    for key in ("double", "dash", "apart", "turned"):
        assert (names[key]["given"], names[key]["family"]) == ("franziska", "lacknerohm"), key
        assert names[key]["family_parts"] == ["lackner", "ohm"]
    assert names["double"]["given_parts"] == ["franziska", "marie"]
    assert (names["lone"]["given"], names["lone"]["family"]) == (None, "lacknerohm")


def test_what_is_empty_or_wrong_is_not_compared(filled: Filled) -> None:
    db = filled(
        "organisations",
        person("crm", "a", name="Muster GmbH", vat_id="DE 136 695 976", iban=["DE89 3704 0044 0532 0130 00", "DE00"], website="https://www.muster.de/x"),
        person("crm", "b", name="", vat_id="DE136695977", iban=["nein"], website="keine"),
    )  # fmt: skip
    good, bad = row_of(db, "organisations", "a"), row_of(db, "organisations", "b")
    assert (good["vat_id"], good["iban"], good["domain"]) == (
        "DE136695976",
        ["DE89370400440532013000"],
        ["muster.de"],
    )
    assert good["legal"] == "gmbh"
    assert [bad[name] for name in ("vat_id", "iban", "domain", "name", "email", "phone")] == [None] * 6


def test_every_row_comes_once(filled: Filled) -> None:
    for kind in ("persons", "organisations"):
        db = filled(kind, count=2000)
        counted = f"SELECT (SELECT count(*) FROM {kind}), count(*), count(DISTINCT id) FROM compared_{kind}"
        assert db.execute(counted).fetchall() == [(2000, 2000, 2000)]


@pytest.mark.parametrize("kind", ["persons", "organisations"])
def test_a_small_graph_is_matched_with_the_model_of_the_package(filled: Filled, kind: str) -> None:
    db = filled(kind, count=80)
    matching = Matching(db, kind)
    model = matching.model()
    assert model == untrained_for(shipped(kind), matching.first_prior())
    matching.block()
    pairs = list(matching.pairs(model))
    accepted = [each.pair for each in assign(pairs) if each.band is Band.ACCEPTED]
    assert len(accepted) >= 20
    # One sister company has lost the word that tells it apart, which no one could see.
    wrong = [
        (pair.customer, pair.record.key) for pair in accepted if not same(pair.customer, pair.record.key)
    ]
    assert len(wrong) <= (0 if kind == "persons" else 1), wrong


def test_the_weights_of_the_fields_add_up_to_the_pairs(filled: Filled) -> None:
    db = filled("persons", count=400)
    matching = Matching(db, "persons")
    model = matching.model()
    matching.block()
    pairs = list(matching.pairs(model, 0.01))
    assert pairs
    for pair in pairs:
        assert sum(pair.fields.values()) == pytest.approx(pair.weight, abs=1e-6)
        assert pair.probability == pytest.approx(1 / (1 + 2**-pair.weight), abs=1e-9)
        assert set(pair.values) == set(pair.fields) - {"prior"}
    assert pairs[0].values["family_name"][0]


def test_pairs_are_weighed_first_and_told_of_those_that_are_wanted(filled: Filled) -> None:
    db = filled("organisations", count=400)
    matching = Matching(db, "organisations")
    model = matching.model()
    matching.block()
    whole = list(matching.pairs(model))
    weighed = list(read_weights(db, "organisations"))
    assert len(whole) > 100
    assert [(p.record, p.customer, p.weight) for p in weighed] == [
        (p.record, p.customer, p.weight) for p in whole
    ]
    assert not weighed[0].fields
    assert list(read_pairs(db, "organisations", model, only=weighed[5:9])) == whole[5:9]
    assert list(read_pairs(db, "organisations", model, only=[])) == []


def test_relatives_are_told_apart(filled: Filled) -> None:
    home = {"street": "Lindenweg 5", "postal_code": "50667", "city": "Köln", "phone": ["0221 1234567"], "email": ["familie@huberhof.de"]}  # fmt: skip
    base = canonical()
    try:
        german(base, "persons", 60, 5)
        for source, key, given, family in (
            ("graph", "father", "Hans", "Huber"), ("graph", "mother", "Petra", "Huber"),
            ("crm", "son", "Lukas", "Huber"), ("crm", "wife", "Petra", "Hubr"),
        ):  # fmt: skip
            insert(base, "persons", [person(source, key, given_name=given, family_name=family) | home])
        prepare(base)
        normalise(base, "persons")
        matching = Matching(base, "persons")
        matching.block()
        found = {(p.record.key, p.customer): p.probability for p in matching.pairs(matching.model(), 1e-9)}
    finally:
        base.close()
    assert found["wife", "mother"] > 0.9
    assert found.get(("wife", "father"), 0.0) < 0.5
    # In so small a table a steward may be asked, but nobody is linked by rule.
    assert found.get(("son", "father"), 0.0) < BANDS.accept


@pytest.mark.parametrize(
    ("known", "accepted"),
    [
        ({}, False),
        ({"email": ["ada@andere.example"]}, False),
        ({"city": "Ulm", "postal_code": "89073"}, False),
        ({"email": ["ada.lovell@firma.example"]}, True),
        ({"email": ["a.lovell@firma.example"]}, True),
        ({"phone": ["0731 1234567"]}, True),
        ({"birth_date": date(1971, 3, 9)}, True),
        ({"street": "Donaustr. 3", "postal_code": "89073", "city": "Ulm"}, True),
        ({"given_name": "Bert", "email": ["ada.lovell@firma.example"]}, False),
    ],
)
def test_in_a_small_table_the_rule_wants_more_than_a_name(
    filled: Filled, known: dict[str, Any], accepted: bool
) -> None:
    ada = person("graph", "ada", full_name="Ada Lovell", email=["ada.lovell@firma.example"], phone=["0731 1234567"], birth_date=date(1971, 3, 9), street="Donaustraße 3", postal_code="89073", city="Ulm")  # fmt: skip
    new = person("crm", "new", **{"given_name": "Ada", "family_name": "Lovell"} | known)
    matching = Matching(filled("persons", ada, new), "persons")
    model = matching.model()
    assert matching.block() == 1
    (pair,) = matching.pairs(model, 0)
    assert [one.doubted for one in read_weights(matching.db, "persons", trained=False)] == [not accepted]
    assert pair.doubted is not accepted
    # Where the model was trained, it knows how rare a name is.
    assert not next(read_weights(matching.db, "persons")).doubted


@pytest.mark.slow
def test_training_finds_the_same_model_again_and_matches(filled: Filled) -> None:
    models = []
    for _ in range(2):
        db = filled("persons", count=6000)
        matching = Matching(db, "persons")
        models.append(matching.model(untrained("persons")))
    assert models[0].described == models[1].described
    matching.block()
    likeliest = best(assign(matching.pairs(models[0]))).values()
    right = sum(same(each.pair.customer, each.pair.record.key) for each in likeliest)
    assert right / len(likeliest) > 0.97
    assert right / 2100 > 0.94


@pytest.mark.slow
def test_tables_in_which_nothing_is_surely_the_same_are_trained_on(filled: Filled) -> None:
    rows = [
        person(
            source, f"{source}{n}", given_name=f"Anna{n % 40}", family_name="Weber", street=f"{street} {n}"
        )
        for source, street in (("graph", "Lindenweg"), ("crm", "Domplatz"))
        for n in range(ENOUGH)
    ]
    matching = Matching(filled("persons", *rows), "persons")
    model = matching.model()
    assert 0 < model.prior < 1
    assert model.frequencies  # trained: of the model of the package they are not taken in small tables
    assert len(list(matching.pairs(model))) == 0


def test_a_model_is_saved_and_read_again() -> None:
    for kind in ("persons", "organisations"):
        model = shipped(kind)
        assert from_json(model.to_json()) == model
        assert model.with_prior(0.25).with_prior(model.prior).shares.keys() == model.shares.keys()
        assert from_json(model.to_json()).described == model.described
        assert model.with_prior(0.25).described.digest != model.described.digest
        assert "SELECT" not in model.to_json()
        small = replace(model, frequencies=False)
        assert from_json(small.to_json()) == small
        assert small.described.digest != model.described.digest


def test_what_is_no_model_is_refused() -> None:
    good = json.loads(shipped("persons").to_json())
    for broken in ("", "[]", "{}", json.dumps({**good, "format": 0}), json.dumps({**good, "kind": "cats"}), json.dumps({**good, "prior": 2}), json.dumps({**good, "shares": {}})):  # fmt: skip
        with pytest.raises(BadInput):
            from_json(broken)


def test_the_settings_of_both_dialects_are_the_same_but_for_names_of_functions() -> None:
    for kind in ("persons", "organisations"):
        model = shipped(kind)
        text = json.dumps(model.settings("duckdb"))
        for ours, theirs in (
            ("jaro_winkler_similarity", "jaro_winkler"),
            ("list_has_any", "arrays_overlap"),
            ("len(", "size("),
        ):
            text = text.replace(ours, theirs)
        assert json.loads(text) == model.settings("spark")


@pytest.mark.slow
def test_a_new_record_scores_as_it_does_among_many(filled: Filled) -> None:
    db = filled("persons", count=600)
    model = Matching(db, "persons").model()
    index = Candidates(db, "persons", model)
    new = [
        {"source": s, "key": key, **row} for s, key, row in islice(rows("persons", 600, 3), 400) if s == "crm"
    ]
    together = index.of(new)
    assert sum(same(pair.customer, pair.record.key) for pair in together) > 0.9 * sum(
        r["key"][0] == "r" for r in new
    )
    alone = [pair for row in new[:20] for pair in index.of([row])]
    keys = {row["key"] for row in new[:20]}
    expected = {(p.record, p.customer): p.weight for p in together if p.record.key in keys}
    assert {(p.record, p.customer): p.weight for p in alone} == pytest.approx(expected)
    some = sorted(pair.probability for pair in together)
    half = some[len(some) // 2]
    surer = Candidates(db, "persons", model, least=half).of(new)
    assert {(p.record, p.customer) for p in surer} == {
        (p.record, p.customer) for p in together if p.probability >= half
    }
    less = Candidates(db, "persons", model, least=0.01).of(new)
    assert min(pair.probability for pair in less) < 0.5 <= some[0]
    assert index.of([]) == []
    assert index.of([person("crm", "nobody")]) == []


@pytest.mark.slow
def test_customers_in_memory_score_as_those_of_a_table(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    db = filled("persons", count=600)
    model = Matching(db, "persons").model()
    cursor = db.execute("SELECT * FROM persons WHERE source = 'graph'")
    names = [column[0] for column in cursor.description or ()]
    customers = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    new = [{"source": s, "key": k, **row} for s, k, row in islice(rows("persons", 600, 3), 400) if s == "crm"]
    index = CustomerIndex("persons", customers, model)
    assert index.of(new) == Candidates(db, "persons", model).of(new) != []
    index.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreFailed, match="not enough memory"):
        CustomerIndex("persons", customers, model, memory="2MB")
    assert list(tmp_path.iterdir()) == []  # nothing was put onto the disk in its place


@pytest.mark.slow
def test_nothing_goes_out_and_nothing_is_logged(
    filled: Filled, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    db = filled("persons", count=1200)
    with offline() as asked, caplog.at_level(logging.DEBUG):
        matching = Matching(db, "persons")
        model = matching.model()
        matching.block()
        pairs = list(matching.pairs(model))
    assert asked == []
    out, err = capfd.readouterr()
    values = {value for pair in pairs for value in pair.values["email"] if value}
    assert values
    assert not [value for value in values if value in caplog.text + out + err]
