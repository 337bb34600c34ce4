"""From a canonical table to the table of what matching compares, `compared_persons` or `compared_organisations`.

The work is done in SQL over the whole table; what SQL does not know is asked of Python once for each distinct
value (`identifiers`). A record's blocking keys are in `keys`: only records that share a key are compared.
"""

from __future__ import annotations

import duckdb

from kgservice.crm import identifiers, nicknames, spelling
from kgservice.crm.canonical import KINDS
from kgservice.crm.spelling import FREEMAIL

# Names as they stand, once each. A comma turns the order: "Müller, Hans". What stands in one field only is
# taken apart at its last word, of which hyphens make one (Lackner-Ohm).
_NAMES = r"""
CREATE OR REPLACE TEMP TABLE names_raw AS
WITH whole AS (
    SELECT source, key, given_name, family_name, full_name, CASE WHEN given_name IS NULL OR family_name IS NULL
        THEN coalesce(full_name, given_name, family_name) END AS name
    FROM persons
), parted AS (
    SELECT *, titled_hyphened(name) AS plain, contains(name, ',') AND NOT coalesce(regexp_matches(
        folded(split_part(name, ',', 2)), '^(dr|ph ?d|mba|ll ?m|[bm] ?(sc|a|eng|ed)|dipl)'), false) AS turned
    FROM whole
)
SELECT source, key,
    CASE WHEN name IS NULL THEN given_name WHEN turned THEN split_part(name, ',', 2)
        WHEN full_name IS NULL THEN given_name
        ELSE nullif(regexp_extract(plain, '^(.*?)(?: (?:von|van|vom|zu|zum|zur) .*| [^ ]+)$', 1), '') END AS given,
    CASE WHEN name IS NULL THEN family_name WHEN turned THEN split_part(name, ',', 1)
        WHEN full_name IS NULL THEN family_name
        ELSE coalesce(nullif(regexp_extract(plain, '^(?:.*? )?((?:von|van|vom|zu|zum|zur) .*)$', 1), ''),
            regexp_extract(plain, '([^ ]+)$', 1)) END AS family
FROM parted
"""
_WORDS = """
CREATE OR REPLACE TEMP TABLE given_words AS
SELECT raw, string_split(plain, ' ') AS parts, parts[1] AS word, cologne(parts[1]) AS sound, coalesce(root, word) AS root
FROM (SELECT raw, spelled(titled_plain(raw)) AS plain FROM (SELECT DISTINCT given AS raw FROM names_raw))
LEFT JOIN nicknames ON form = split_part(plain, ' ', 1)
WHERE plain IS NOT NULL;
CREATE OR REPLACE TEMP TABLE family_words AS
SELECT raw, string_split(plain, ' ') AS parts, replace(plain, ' ', '') AS word, cologne(plain) AS sound
FROM (SELECT raw, spelled(unparticled(titled_plain(raw))) AS plain FROM (SELECT DISTINCT family AS raw FROM names_raw))
WHERE plain IS NOT NULL;
"""
_PLACES = {
    kind: f"""
CREATE OR REPLACE TEMP TABLE street_words AS
SELECT raw, street_of(raw) AS street, house_of(raw) AS house
FROM (SELECT DISTINCT street AS raw FROM {kind} WHERE street IS NOT NULL);
CREATE OR REPLACE TEMP TABLE city_words AS
SELECT raw, city_of(raw) AS city FROM (SELECT DISTINCT city AS raw FROM {kind} WHERE city IS NOT NULL);
CREATE OR REPLACE TEMP TABLE phones_odd AS
SELECT source, key, list(DISTINCT read) AS phone FROM (
    SELECT source, key, unnest(phone) AS raw, coalesce(country, 'DE') AS country FROM {kind})
JOIN phones_read USING (raw, country) WHERE read IS NOT NULL GROUP BY ALL;
"""  # noqa: S608
    for kind in KINDS
}
_PERSONS = r"""
CREATE OR REPLACE TABLE compared_persons AS
WITH plain AS (
    SELECT row_number() OVER (ORDER BY p.source, p.key) AS id, p.source, p.key,
        g.word AS given, g.root AS given_root, g.parts AS given_parts, g.sound AS given_sound,
        f.word AS family, f.parts AS family_parts, f.sound AS family_sound,
        strftime(p.birth_date, '%Y%m%d') AS birth_date,
        filled(list_transform(p.email, lambda s: mail_of(s))) AS email,
        filled(list_concat(list_transform(p.phone, lambda s: phone_here(s, coalesce(p.country, 'DE'))),
            o.phone)) AS phone,
        s.street, s.house, postal_of(p.postal_code) AS postal_code, c.city
    FROM persons p JOIN names_raw n USING (source, key)
    LEFT JOIN given_words g ON g.raw = n.given LEFT JOIN family_words f ON f.raw = n.family
    LEFT JOIN street_words s ON s.raw = p.street LEFT JOIN city_words c ON c.raw = p.city
    LEFT JOIN phones_odd o ON o.source = p.source AND o.key = p.key
)
SELECT *, list_transform(email, lambda s: split_part(s, '@', 1)) AS mailbox,
    filled(list_filter(phone, lambda s: regexp_matches(s, '^\+491[567]'))) AS mobile,
    filled(list_filter(phone, lambda s: NOT regexp_matches(s, '^\+491[567]'))) AS landline,
    email[1] AS email_first, phone[1] AS phone_first,
    given || ' ' || family AS name, family || ' ' || given AS name_turned,
    CASE WHEN given_sound < family_sound THEN given_sound || '/' || family_sound
        ELSE family_sound || '/' || given_sound END AS sounds,
    filled(list_concat(
        list_transform(email, lambda s: 'mail ' || s), list_transform(phone, lambda s: 'phone ' || s),
        ['name ' || sounds || ' ' || left(birth_date, 4), 'name ' || sounds || ' ' || left(postal_code, 3),
         'name ' || sounds || ' ' || city, 'only ' || name, 'only ' || name_turned,
         'day ' || birth_date || ' ' || left(given_sound, 3), 'day ' || birth_date || ' ' || left(family_sound, 3),
         'day ' || birth_date || ' ' || postal_code, 'at ' || street || house || ' ' || given_root,
         'day ' || birth_date || ' ' || left(street, 5), 'lives ' || given || ' ' || street,
         'lives ' || family || ' ' || street, 'at ' || house || ' ' || postal_code,
         'at ' || street || house || ' ' || left(birth_date, 4), 'at ' || street || house || ' ' || postal_code,
         'in ' || postal_code || ' ' || left(given, 3) || left(family, 3),
         'in ' || postal_code || ' ' || left(family, 3) || left(given, 3)])) AS keys
FROM plain
"""
_ORGANISATIONS = rf"""
CREATE OR REPLACE TABLE compared_organisations AS
WITH named AS (
    SELECT raw, folded(raw) AS plain, spelled(without_legal_form(plain)) AS core, legal_form(plain) AS legal
    FROM (SELECT DISTINCT name AS raw FROM organisations WHERE name IS NOT NULL)
), words AS (
    SELECT raw, replace(core, ' ', '') AS name, list_sort(list_distinct(string_split(core, ' '))) AS name_parts,
        split_part(core, ' ', 1) AS first, cologne(core) AS sound, legal FROM named WHERE core IS NOT NULL
), accounts AS (
    SELECT source, key, list_sort(list_distinct(list(read))) AS iban FROM (
        SELECT source, key, unnest(iban) AS raw FROM organisations) JOIN iban_read USING (raw)
    WHERE read IS NOT NULL GROUP BY ALL
), plain AS (
    SELECT row_number() OVER (ORDER BY p.source, p.key) AS id, p.source, p.key, w.name, w.name_parts AS name_parts,
        w.first, w.sound, w.legal, v.read AS vat_id, a.iban,
        filled(list_transform(p.email, lambda s: mail_of(s))) AS email,
        filled(list_filter(list_concat([domain_of(p.website)],
            list_transform(p.email, lambda s: domain_of(mail_of(s)))),
            lambda s: NOT regexp_matches(s, '{FREEMAIL}'))) AS domain,
        filled(list_concat(list_transform(p.phone, lambda s: phone_here(s, coalesce(p.country, 'DE'))),
            o.phone)) AS phone,
        s.street, s.house, postal_of(p.postal_code) AS postal_code, c.city
    FROM organisations p LEFT JOIN words w ON w.raw = p.name LEFT JOIN vat_read v ON v.raw = p.vat_id
    LEFT JOIN accounts a ON a.source = p.source AND a.key = p.key
    LEFT JOIN street_words s ON s.raw = p.street LEFT JOIN city_words c ON c.raw = p.city
    LEFT JOIN phones_odd o ON o.source = p.source AND o.key = p.key
)
SELECT *, phone[1] AS phone_first, filled(list_concat(
        list_transform(email, lambda s: 'mail ' || s), list_transform(phone, lambda s: 'phone ' || s),
        list_transform(domain, lambda s: 'web ' || s), list_transform(iban, lambda s: 'iban ' || s),
        ['vat ' || vat_id, 'only ' || name, 'sound ' || sound, 'first ' || first || ' ' || postal_code,
         'in ' || city || ' ' || left(name, 5), 'in ' || postal_code || ' ' || left(name, 4),
         'in ' || city || ' ' || left(sound, 4),
         'at ' || street || house || ' ' || postal_code])) AS keys
FROM plain
"""  # noqa: S608
# A record is compared with those that share a key with it. `id` is the number of a record in this run. Odd keys say
# too little alone to be followed where they are not rare (`only`: a name and nothing else).
_BLOCKS = {
    kind: f"CREATE OR REPLACE TABLE blocks_{kind} AS"  # noqa: S608
    " SELECT (hash(k) >> 2)::BIGINT * 2 + regexp_matches(k, '^(only|lives) ')::BIGINT AS k, id, source"
    f" FROM (SELECT id, source, unnest(keys) AS k FROM compared_{kind})"
    for kind in KINDS
}
_FORGET_KEYS = {kind: f"ALTER TABLE compared_{kind} DROP COLUMN keys" for kind in KINDS}
STEPS = {
    "persons": (_PLACES["persons"], _NAMES, _WORDS, _PERSONS, _BLOCKS["persons"]),
    "organisations": (_PLACES["organisations"], _ORGANISATIONS, _BLOCKS["organisations"]),
}
"""The statements of each kind, in their order; each makes tables of what those before it made."""


def prepare(db: duckdb.DuckDBPyConnection) -> None:
    """Make the macros and tables that `normalise` uses known to a connection."""
    spelling.define(db)
    nicknames.define(db)
    identifiers.define(db)


def read(db: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Read what SQL does not know, each distinct value once."""
    identifiers.read_phones(db, kind)
    if kind == "organisations":
        identifiers.read_numbers(db)


def normalise(db: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Make `compared_…` and `blocks_…` of the canonical table (or view) of that name in a connection that is prepared.

    `kind` is `persons` or `organisations`. Each row has an `id`, counted from 1 in the order of source and key.
    """
    read(db, kind)
    for step in STEPS[kind]:
        db.execute(step)
    db.execute(_FORGET_KEYS[kind])
