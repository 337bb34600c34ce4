"""Spark accepts the pairs that DuckDB accepts; not run without the extra `spark` and a Java."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from benchmarks.matching_data import canonical, german

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.sources.matching import match
from kgservice.crm import registry, spark
from kgservice.crm.matching import Matching
from kgservice.crm.models import shipped, untrained
from kgservice.crm.normalise import normalise, prepare
from kgservice.crm.pairs import read_pairs
from kgservice.crm.settings import read_source
from kgservice.crm.sync import sync
from kgservice.crm.work import WORK
from kgservice.domain.assignment import assign
from kgservice.domain.matching import BANDS, Band, Pair, RecordId
from kgservice.errors import SourceFailed
from tests.crm.folders import example
from tests.ontology.java import QUICK

with_spark = pytest.mark.skipif(
    find_spec("pyspark") is None or spark.java() is None,
    reason="NOT RUN: pyspark (kgservice[spark]) or Java is not installed",
)


@pytest.fixture(autouse=True)
def _java_that_starts_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a Java of its own, which would take as long to compile its code twice as to run it."""
    monkeypatch.setattr(spark, "OF_JAVA", f"{spark.OF_JAVA} {QUICK}")


@pytest.mark.slow
@with_spark
def test_spark_accepts_the_same_pairs(tmp_path: Path) -> None:
    with spark.scoring(tmp_path) as score:
        for kind in ("persons", "organisations"):
            with canonical() as db:
                german(db, kind, 4000, 3)
                prepare(db)
                normalise(db, kind)
                matching = Matching(db, kind)
                model = matching.model(untrained(kind))
                matching.block()
                ours = _accepted(list(matching.pairs(model)))
                score(matching, model, BANDS.candidate)
                theirs = _accepted(list(read_pairs(db, kind, model)))
            assert len(ours) > 1000
            assert theirs == ours
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@with_spark
def test_a_run_compares_with_spark_where_the_settings_say_so(
    demo_kg_guarded: KnowledgeGraph, tmp_path: Path
) -> None:
    kg = demo_kg_guarded
    kg.settings = replace(kg.settings, store=tmp_path / "store", matching_engine="spark")
    folder = kg.settings.crm_folder
    source = read_source(example("vertrieb", tmp_path))
    registry.add(folder, source)
    sync(source, folder, clock=kg.clock)
    links = match(kg).links
    assert (links["persons"].accepted, links["organisations"].accepted) == (6, 3)
    assert links["organisations"].candidates == 1
    assert not list(folder.glob(f"{WORK}*"))
    head, kg.settings = kg.head, replace(kg.settings, matching_engine="duckdb")
    match(kg)  # DuckDB says the same, to the last digit that is kept
    assert kg.head == head


def test_that_spark_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "java"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    (home / "bin" / "java").chmod(0o700)
    monkeypatch.setenv("JAVA_HOME", str(home))
    work = tmp_path / "work"
    work.mkdir()
    with canonical() as db:
        german(db, "persons", 10, 3)
        prepare(db)
        normalise(db, "persons")
        matching = Matching(db, "persons")
        matching.block()
        with (
            pytest.raises(SourceFailed, match="Spark failed: "),
            spark.scoring(work) as score,
        ):
            score(matching, shipped("persons"), BANDS.candidate)
    assert not list(work.iterdir())


def _accepted(pairs: list[Pair]) -> set[tuple[RecordId, str]]:
    return {(e.pair.record, e.pair.customer) for e in assign(pairs) if e.band is Band.ACCEPTED}
