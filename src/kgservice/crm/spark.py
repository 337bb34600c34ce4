"""The same scoring on Spark, for those who outgrow one machine: DuckDB normalises and blocks, Spark compares.

A saved model holds no SQL, so the settings are made anew for Spark's dialect from the same code.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from splink import Linker

from kgservice.crm.matching import Matching
from kgservice.crm.models import MatchModel
from kgservice.domain.matching import BANDS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_TABLES = {"customer": "FROM matching_customers", "record": "FROM matching_records"}


def session(master: str = "local[2]") -> SparkSession:
    """A session with the functions that Splink brings for Spark, on loopback only and without pages."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra of its own
    from splink.backends.spark import similarity_jar_location  # noqa: PLC0415

    builder = (
        SparkSession.builder.master(master)
        .appName("kgservice")
        .config("spark.jars", similarity_jar_location())
    )
    builder = builder.config("spark.ui.enabled", "false").config("spark.driver.bindAddress", "127.0.0.1")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.sql.shuffle.partitions", "4")
    return builder.getOrCreate()


def score(spark: SparkSession, matching: Matching, model: MatchModel, least: float = BANDS.candidate) -> int:
    """Score the blocked pairs as `Matching.score` does, into the same table; how many there are."""
    from splink import SparkAPI  # noqa: PLC0415 - Splink has it only where Spark is

    api = SparkAPI(spark_session=spark, break_lineage_method="persist")  # type: ignore[no-untyped-call]
    names = [name for name in sorted(_TABLES) if name == "record" or not matching.within]
    tables = [
        api.register(spark.createDataFrame(_arrow(matching.db, _TABLES[name])), dataset_display_name=name)
        for name in names
    ]
    settings = model.settings("spark", within=matching.within)
    linker = Linker(tables, settings, log_level=logging.ERROR, validate_settings=False)
    blocked = api.register(spark.createDataFrame(_arrow(matching.db, "FROM matching_blocked")))
    linker.table_management.register_blocked_pairs_for_predict(blocked)
    scored = linker.inference.predict(
        threshold_match_probability=least, warning_mode="never"
    ).as_pyarrow_table()  # type: ignore[no-untyped-call]
    matching.db.register("from_spark", scored)
    matching.db.execute("CREATE OR REPLACE TABLE matching_scored AS FROM from_spark")
    matching.db.unregister("from_spark")
    return int(scored.num_rows)


def _arrow(db: duckdb.DuckDBPyConnection, statement: str) -> pa.Table:
    return db.sql(statement).to_arrow_table()
