"""The process in which Spark compares: a line names the tables and the model, a line answers that it is done.

A saved model holds no SQL, so the settings are made anew for Spark's dialect from the same code.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splink import Linker, SparkAPI
from splink.backends.spark import similarity_jar_location

from kgservice.crm.models import from_json
from kgservice.crm.spark import DONE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def main() -> None:
    """Answer until there is nothing more to read."""
    spark = _session(Path(sys.argv[1]))
    for line in sys.stdin:
        _score(spark.newSession(), **json.loads(line))
        sys.stdout.write(f"{DONE}\n")
        sys.stdout.flush()


def _session(folder: Path) -> SparkSession:
    """A session with the functions that Splink brings for Spark, on loopback only and without pages."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra of its own

    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    settings: dict[str, Any] = {
        "spark.jars": similarity_jar_location(),
        "spark.ui.enabled": "false",
        "spark.eventLog.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": f"{half // 2**20}m",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
    }
    builder = SparkSession.builder.master("local[*]").appName("kgservice")
    return builder.config(map=settings).getOrCreate()


def _score(spark: SparkSession, folder: str, model: str, *, within: bool, least: float) -> None:
    api = SparkAPI(spark_session=spark, break_lineage_method="persist")  # type: ignore[no-untyped-call]

    def table(name: str) -> Any:
        return spark.read.parquet(f"{folder}/{name}.parquet")

    named = {"records": "record"} if within else {"customers": "customer", "records": "record"}
    tables = [api.register(table(name), dataset_display_name=shown) for name, shown in named.items()]
    settings = from_json(model).settings("spark", within=within)
    linker = Linker(tables, settings, log_level=logging.ERROR, validate_settings=False)
    linker.table_management.register_blocked_pairs_for_predict(api.register(table("blocked")))
    scored = linker.inference.predict(threshold_match_probability=least, warning_mode="never")
    scored.as_spark_dataframe().write.parquet(f"{folder}/scored")
    spark.catalog.clearCache()


if __name__ == "__main__":
    main()
