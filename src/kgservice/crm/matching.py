"""Records of CRMs against customers of the graph: which pairs are compared, training, the scored pairs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, block_on

from kgservice.crm.corrections import Scored
from kgservice.crm.fields import FIELDS
from kgservice.crm.models import MatchModel, learned, shipped
from kgservice.crm.pairs import read_pairs
from kgservice.crm.untrained import prior_between, untrained_for
from kgservice.domain.matching import BANDS, Pair

GRAPH = "graph"
"""The source of rows that are customers of the graph; their keys are IRIs."""
ENOUGH = 500
"""With fewer records or customers than this a model is not trained: the one of the package is taken."""
SEED = 20260101
PAIRS = 1e6  # taken at random to count levels among others
TRAINED_ON = 1e6  # pairs of a round of training
SAMPLE = 20_000  # records of each side in which the pairs of a round are counted first
FEW = 200  # pairs that are too few for a round
MOST = 500_000  # pairs, of which a correction is learned
# A blocking key that gives more pairs than this says too little to be worth the comparisons.
COMMON = 400
# And of a weak key (an odd one): of a name that gives so many pairs, none is likely by the name alone.
WEAK = 20
RULES = {
    "persons": (("given", "family"), ("birth_date",)),
    "organisations": (("name",), ("vat_id",)),
}
# What is so surely the same that counting it tells how many matches there are, and the share it finds of them.
SURELY = {
    "persons": (("name", "birth_date"), ("name", "street", "postal_code")),
    "organisations": (("name", "city"), ("vat_id",)),
}
FOUND = 0.7

_TABLES = {
    kind: f"""
CREATE OR REPLACE VIEW matching_customers AS
    SELECT * EXCLUDE (source, key, id), id AS unique_id FROM compared_{kind} WHERE source = 'graph';
CREATE OR REPLACE VIEW matching_records AS
    SELECT * EXCLUDE (source, key, id), id AS unique_id FROM compared_{kind} WHERE source <> 'graph'
"""  # noqa: S608
    for kind in FIELDS
}
_BETWEEN = {
    kind: f"""
CREATE OR REPLACE TABLE matching_blocked AS
WITH keys AS (
    SELECT k FROM blocks_{kind} GROUP BY k
    HAVING count(*) FILTER (source = 'graph') * count(*) FILTER (source <> 'graph') BETWEEN 1 AND if(k % 2 = 1, $weak, $common)
), blocks AS MATERIALIZED (SELECT k, id, source = 'graph' AS customer FROM blocks_{kind} SEMI JOIN keys USING (k))
SELECT 'customer-__-' || c AS join_key_l, 'record-__-' || r AS join_key_r, '0' AS match_key FROM (
    SELECT DISTINCT c.id AS c, r.id AS r
    FROM (FROM blocks WHERE customer AND hash(id) % 1000 < $share) c JOIN (FROM blocks WHERE NOT customer) r USING (k))
"""  # noqa: S608
    for kind in FIELDS
}
_WITHIN = {
    kind: f"""
CREATE OR REPLACE TABLE matching_blocked AS
WITH keys AS (
    SELECT k FROM blocks_{kind} WHERE source <> 'graph' GROUP BY k
    HAVING count(*) > 1 AND count(*) * (count(*) - 1) / 2 <= if(k % 2 = 1, $weak, $common)
), blocks AS MATERIALIZED (SELECT k, id FROM blocks_{kind} SEMI JOIN keys USING (k) WHERE source <> 'graph')
SELECT DISTINCT l.id AS join_key_l, r.id AS join_key_r, '0' AS match_key
FROM (FROM blocks WHERE hash(id) % 1000 < $share) l JOIN blocks r ON l.k = r.k AND l.id < r.id
"""  # noqa: S608
    for kind in FIELDS
}


class Matching:
    """The normalised table of a kind, in a connection, as Splink sees it.

    `within` compares the records with one another rather than with the customers of the graph.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, kind: str, *, within: bool = False) -> None:
        self.db = db
        self.kind = kind
        self.within = within
        db.execute(_TABLES[kind])

    def block(self, share: float = 1.0) -> int:
        """Find the pairs that share a blocking key, in the table `matching_blocked`; how many there are.

        `share`: the share of the pairs that are taken, by the number of their first record.
        """
        statement = (_WITHIN if self.within else _BETWEEN)[self.kind]
        self.db.execute(statement, {"common": COMMON, "weak": WEAK, "share": int(share * 1000)})
        return self._count("SELECT count(*) FROM matching_blocked")

    def sizes(self) -> tuple[int, int]:
        """How many records and how many customers there are."""
        return (
            self._count("SELECT count(*) FROM matching_records"),
            self._count("SELECT count(*) FROM matching_customers"),
        )

    def linker(self, model: MatchModel, *, levels: bool = False, training: bool = False) -> Linker:
        """Splink over the tables, with the parameters of a model."""
        self.api = DuckDBAPI(self.db)
        names = {"matching_records": "record"}
        if not self.within:
            names["matching_customers"] = "customer"
        tables = [self.api.register(table, dataset_display_name=name) for table, name in names.items()]
        settings = model.settings("duckdb", within=self.within, levels=levels, training=training)
        return Linker(tables, settings, log_level=logging.ERROR, validate_settings=False)

    def first_prior(self) -> float:
        """The share of matches if every second row of the smaller side has one."""
        records, customers = self.sizes()
        return min(0.1, 1 / max(records, 10)) if self.within else prior_between(records, customers)

    def model(self, start: MatchModel | None = None) -> MatchModel:
        """A model for these tables: trained on them, or that of the package if they are too small for that."""
        start = start or shipped(self.kind)
        records, customers = self.sizes()
        if min(records, records if self.within else customers) < ENOUGH:
            return untrained_for(start, self.first_prior())
        begun = start.with_prior(self.first_prior())
        linker = self.linker(begun, training=True)
        prior = self._prior(linker)
        if prior is None:  # this one would go on with it: with none at all, of which there is no logarithm
            prior, linker = begun.prior, self.linker(begun, training=True)
        linker.training.estimate_u_using_random_sampling(max_pairs=PAIRS, seed=SEED)
        sample = min(1.0, SAMPLE / max(records, customers))
        for rule in (block_on(*columns) for columns in RULES[self.kind]):
            counted = linker.blocking_analysis.count_comparisons_from_blocking_rules(
                [rule], record_sample_proportion=sample
            )
            if counted[-1]["cumulative_comparison_count"] < FEW:
                continue
            linker.training.estimate_parameters_using_expectation_maximisation(
                rule,
                estimate_without_term_frequencies=True,
                max_pairs=TRAINED_ON,
                record_sample_proportion=sample,
            )
        model = learned(self.kind, linker.misc.save_model_to_json(), start, prior)
        share = min(1.0, MOST / max(self.block(), 1))
        if not self.block(share):
            return model
        self._scored(model, None)
        scored = Scored(self.db, self.kind)
        model = scored.corrected(model)
        # What the model expects among the pairs is nearer to the truth than the count of what is surely the same.
        among = records * (records - 1) / 2 if self.within else records * customers
        found = scored.expected(model) / share / among
        return model.with_prior(found) if 0 < found < 1 else model

    def _prior(self, linker: Linker) -> float | None:
        """The share of matches by what is surely the same; None where that tells nothing."""
        rules: list[Any] = [block_on(*rule) for rule in SURELY[self.kind]]
        try:
            linker.training.estimate_probability_two_random_records_match(rules, recall=FOUND)
        except ValueError:  # so many that there are more matches than pairs: a table of copies
            return None
        prior = float(linker.misc.save_model_to_json()["probability_two_random_records_match"])
        return prior if 0 < prior < 1 else None

    def score(self, model: MatchModel, least: float = BANDS.candidate) -> int:
        """Score the blocked pairs into `matching_scored`, those of at least that probability; how many."""
        self._scored(model, least)
        return self._count("SELECT count(*) FROM matching_scored")

    def pairs(self, model: MatchModel, least: float = BANDS.candidate) -> Iterator[Pair]:
        """The pairs of a record and a customer of at least that probability, the likeliest first."""
        self.score(model, least)
        yield from read_pairs(self.db, self.kind, model)

    def _scored(self, model: MatchModel, least: float | None) -> duckdb.DuckDBPyConnection:
        linker = self.linker(model, levels=least is None)
        blocked = self.api.register("matching_blocked")
        linker.table_management.register_blocked_pairs_for_predict(blocked)
        scored = linker.inference.predict(threshold_match_probability=least, warning_mode="never")
        self.db.execute("DROP TABLE IF EXISTS matching_scored")
        scored.as_duckdbpyrelation().create("matching_scored")
        linker.table_management.delete_tables_created_by_splink_from_db()  # type: ignore[no-untyped-call]
        return self.db

    def _count(self, statement: str) -> int:
        return int(self._one(statement))

    def _one(self, statement: str) -> Any:
        return self.db.execute(statement).fetchall()[0][0]
