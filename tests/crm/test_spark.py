"""Spark accepts the pairs that DuckDB accepts; not run without the extra `spark` and a Java."""

from __future__ import annotations

import os
import shutil

import pytest
from benchmarks.matching_data import canonical, german

from kgservice.crm.matching import Matching
from kgservice.crm.models import untrained
from kgservice.crm.normalise import normalise, prepare
from kgservice.crm.pairs import read_pairs
from kgservice.domain.assignment import assign
from kgservice.domain.matching import Band

pytest.importorskip("pyspark", reason="NOT RUN: pyspark is not installed (kgservice[spark])")
JAVA = shutil.which("java") or os.environ.get("JAVA_HOME")


@pytest.mark.slow
@pytest.mark.skipif(not JAVA, reason="NOT RUN: there is no Java")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["persons", "organisations"])
def test_spark_accepts_the_same_pairs(kind: str) -> None:
    from kgservice.crm import spark

    with canonical() as db:
        german(db, kind, 4000, 3)
        prepare(db)
        normalise(db, kind)
        matching = Matching(db, kind)
        model = matching.model(untrained(kind))
        matching.block()
        ours = {
            (e.pair.record, e.pair.customer) for e in assign(matching.pairs(model)) if e.band is Band.ACCEPTED
        }
        session = spark.session()
        try:
            spark.score(session, matching, model)
        finally:
            session.stop()
        found = assign(read_pairs(db, kind, model))
        theirs = {(e.pair.record, e.pair.customer) for e in found if e.band is Band.ACCEPTED}
    assert len(ours) > 1000
    assert theirs == ours
