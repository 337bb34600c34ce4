"""What matching is compared with: three exact rules, and Splink on the columns as they come."""

from __future__ import annotations

import logging
from typing import Any

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.blocking_rule_creator import BlockingRuleCreator

# Equal e-mail; equal names and birth date; equal names and postal code. Of companies: equal VAT number; equal
# name and postal code; equal e-mail.
_RULES = {
    "persons": """
    SELECT c.key, r.key FROM c JOIN r ON c.mail = r.mail
    UNION SELECT c.key, r.key FROM c JOIN r USING (given_name, family_name, birth_date)
    UNION SELECT c.key, r.key FROM c JOIN r USING (given_name, family_name, postal_code)""",
    "organisations": """
    SELECT c.key, r.key FROM c JOIN r USING (vat_id)
    UNION SELECT c.key, r.key FROM c JOIN r USING (name, postal_code)
    UNION SELECT c.key, r.key FROM c JOIN r ON c.mail = r.mail""",
}
_SIDES = {
    kind: f"""WITH c AS (SELECT *, lower(email[1]) AS mail FROM {kind} WHERE source = 'graph'),
    r AS (SELECT *, lower(email[1]) AS mail FROM {kind} WHERE source <> 'graph')"""
    for kind in _RULES
}
_PLAIN = """
CREATE OR REPLACE VIEW plain_{side} AS SELECT key AS unique_id, given_name, family_name,
    strftime(birth_date, '%Y-%m-%d') AS birth_date, email[1] AS email, phone[1] AS phone, street, postal_code, city
FROM persons WHERE (source = 'graph') = {graph}"""


def exact_rules(db: duckdb.DuckDBPyConnection, kind: str) -> set[tuple[str, str]]:
    """The pairs of a customer and a record that one of three rules says are the same."""
    return set(db.execute(_SIDES[kind] + _RULES[kind]).fetchall())


def splink_alone(db: duckdb.DuckDBPyConnection, kind: str) -> set[tuple[str, str]]:
    """The best customer from 0.5 of each record, by Splink's own comparisons of the columns as they come."""
    assert kind == "persons"
    for side, graph in (("customer", "TRUE"), ("record", "FALSE")):
        db.execute(_PLAIN.format(side=side, graph=graph))
    api = DuckDBAPI(db)
    tables = [api.register(f"plain_{side}", dataset_display_name=side) for side in ("customer", "record")]
    rules: list[BlockingRuleCreator | dict[str, Any]] = [
        block_on("email"), block_on("phone"), block_on("given_name", "family_name"), block_on("birth_date", "given_name"),
        block_on("birth_date", "family_name"), block_on("street", "postal_code"),
    ]  # fmt: skip
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("family_name").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.EmailComparison("email"),
            cl.ExactMatch("phone"),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.8]),
            cl.ExactMatch("postal_code").configure(term_frequency_adjustments=True),
        ],
        blocking_rules_to_generate_predictions=rules,
    )
    linker = Linker(tables, settings, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("email"), block_on("given_name", "family_name", "birth_date")], recall=0.7
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("given_name", "family_name"), block_on("birth_date")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    scored = linker.inference.predict(threshold_match_probability=0.5)
    db.execute("DROP TABLE IF EXISTS plain_scored")
    scored.as_duckdbpyrelation().create("plain_scored")
    return set(
        db.execute(
            "SELECT unique_id_l, unique_id_r FROM plain_scored"
            " QUALIFY row_number() OVER (PARTITION BY unique_id_r ORDER BY match_weight DESC, unique_id_l) = 1"
        ).fetchall()
    )
