"""How German names, addresses and numbers are spelled, as macros of DuckDB."""

from __future__ import annotations

import duckdb

from kgservice.domain.person_name import TITLES_AFTER, TITLES_BEFORE

# ä, ö, ü and ß are written out before accents are dropped, so that Müller and Mueller are one. Muller is the
# third spelling of it: `spelled` takes the written-out vowels back to plain ones, but not where u and e are
# vowels of their own (Bauer, Neuer, Quell).
_LETTERS = r"""
CREATE OR REPLACE TEMP MACRO lettered(s) AS strip_accents(
    replace(replace(replace(replace(replace(replace(lower(nfc_normalize(s)),
        'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ß', 'ss'), 'æ', 'ae'), 'ø', 'oe'));
CREATE OR REPLACE TEMP MACRO folded(s) AS nullif(trim(regexp_replace(lettered(s), '[^a-z0-9]+', ' ', 'g')), '');
CREATE OR REPLACE TEMP MACRO filled(l) AS CASE
    WHEN len(list_filter(l, lambda e: e IS NOT NULL)) > 0
        THEN list_sort(list_distinct(list_filter(l, lambda e: e IS NOT NULL))) END;
CREATE OR REPLACE TEMP MACRO spelled(s) AS
    regexp_replace(replace(replace(s, 'ae', 'a'), 'oe', 'o'), '(^|[^aeoq])ue', '\1u', 'g');
"""

# Kölner Phonetik (Postel 1969). RE2 cannot look ahead: a letter that others depend on is replaced after them.
# x is an X after C, K or Q.
_PHONETICS = r"""
CREATE OR REPLACE TEMP MACRO cologne_letters(s) AS
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    regexp_replace(upper(regexp_replace(s, '[^a-z]', '', 'g')),
        'PH', '3', 'g'), '([DT])([CSZ])', '8\2', 'g'), '([CKQ])X', '\1x', 'g'),
        '^C([AHKLOQRUXx])', '4\1'), '^C', '8'), '([SZ])C', '\18', 'g'),
        'C([AHKOQUXx])', '4\1', 'g'), '[Cx]', '8', 'g');
CREATE OR REPLACE TEMP MACRO cologne_codes(s) AS
    translate(replace(s, 'X', '48'), 'AEIJOUYBPDTFVWGKQLMNRSZH', '00000001122333444566788');
CREATE OR REPLACE TEMP MACRO cologne_single(s) AS
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    regexp_replace(regexp_replace(s,
        '0+', '0', 'g'), '1+', '1', 'g'), '2+', '2', 'g'), '3+', '3', 'g'), '4+', '4', 'g'), '5+', '5', 'g'),
        '6+', '6', 'g'), '7+', '7', 'g'), '8+', '8', 'g');
CREATE OR REPLACE TEMP MACRO cologne(s) AS
    regexp_replace(cologne_single(cologne_codes(cologne_letters(s))), '(.)0+', '\1', 'g');
"""

# Salutations and degrees stand before a name or after it; what would leave nothing is the name.
_NAMES = rf"""
CREATE OR REPLACE TEMP MACRO untitled(s) AS coalesce(nullif(regexp_replace(regexp_replace(s,
    '{TITLES_BEFORE}', ''), '{TITLES_AFTER}', ''), ''), s);
CREATE OR REPLACE TEMP MACRO unparticled(s) AS coalesce(nullif(regexp_replace(s,
    '^((von|van|vom|zu|zum|zur|der|den|dem|de|del|della|di|da|dos|du|la|le|ten|ter|freiherr|freifrau|graf|graefin'
    ') )+', ''), ''), s);
CREATE OR REPLACE TEMP MACRO titled_plain(s) AS untitled(folded(s));
CREATE OR REPLACE TEMP MACRO titled_hyphened(s) AS untitled(nullif(trim(regexp_replace(regexp_replace(
    regexp_replace(lettered(s), '[‐‑-]', '-', 'g'), '[^a-z0-9-]+', ' ', 'g'), '[ -]* [ -]*', ' ', 'g'), ' -'), ''));
"""

# The words of a legal form at the end of a name, or at its beginning, of Germany, Austria, Switzerland and of
# neighbours; `legal_form` gives one spelling of each.
_LEGAL = r"""
CREATE OR REPLACE TEMP MACRO legal_spelled(s) AS trim(
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    concat(' ', s, ' '),
    ' gesellschaft mit beschraenkter haftung ', ' gmbh '), ' (g )?m b h ', ' gmbh '), ' ges m b h ', ' gmbh '),
    ' (ug|unternehmergesellschaft)( haftungsbeschraenkt)? ', ' ug '), ' haftungsbeschraenkt ', ' '),
    ' (aktiengesellschaft|a g) ', ' ag '), ' (kommanditgesellschaft|k g) ', ' kg '),
    ' (e k|e kfm|e kfr|e kffr|eingetragener kaufmann|eingetragene kauffrau|inh .*) ', ' ek '),
    ' (e v|eingetragener verein) ', ' ev '), ' (e g|eingetragene genossenschaft) ', ' eg '),
    ' (o h g|offene handelsgesellschaft) ', ' ohg '),
    ' (g b r|gesellschaft buergerlichen rechts) ', ' gbr '), ' (gmbh|ag|se|ug|mbh) (u |und |and )?co (kg|kgaa|ohg) ',
    ' \1co\3 '));
CREATE OR REPLACE TEMP MACRO legal_form(s) AS nullif(regexp_extract(concat(' ', legal_spelled(s), ' '),
    ' (gmbhcokgaa|gmbhcokg|gmbhcoohg|agcokg|secokg|secokgaa|ugcokg|mbhcokg|ggmbh|gmbh|mbh|ag|kgaa|kg|ug|ohg|gbr|ek|'
    'ev|eg|se|partg mbb|partg|stiftung|sarl|sas|sa|bv|nv|srl|spa|ltd|limited|llc|inc|corp|plc|oy|ab|as|aps) ', 1), '');
CREATE OR REPLACE TEMP MACRO without_legal_form(s) AS coalesce(nullif(trim(regexp_replace(regexp_replace(
    concat(' ', legal_spelled(s), ' '),
    ' (gmbhcokgaa|gmbhcokg|gmbhcoohg|agcokg|secokg|secokgaa|ugcokg|mbhcokg|ggmbh|gmbh|mbh|ag|kgaa|kg|ug|ohg|gbr|ek|'
    'ev|eg|se|partg mbb|partg|sarl|sas|sa|bv|nv|srl|spa|ltd|limited|llc|inc|corp|plc|oy|ab|as|aps)( co)? ', ' '),
    ' (u|und|and|the|firma|fa) ', ' ', 'g')), ''), s);
"""

# A house number stands after the street (Hauptstraße 12 a-14) or, elsewhere, before it.
_ADDRESSES = r"""
CREATE OR REPLACE TEMP MACRO house_of(s) AS nullif(regexp_replace(coalesce(
    nullif(regexp_extract(lower(s), '\s(\d+\s*[a-z]?(\s*[-–/+]\s*\d+\s*[a-z]?)?)\s*(,.*)?$', 1), ''),
    regexp_extract(lower(s), '^\s*(\d+\s*[a-z]?)\s', 1)), '[^0-9a-z]+', '', 'g'), '');
CREATE OR REPLACE TEMP MACRO street_of(s) AS nullif(replace(regexp_replace(folded(regexp_replace(regexp_replace(
    lower(s), '\s\d+\s*[a-z]?(\s*[-–/+]\s*\d+\s*[a-z]?)?\s*(,.*)?$', ''), '^\s*\d+\s*[a-z]?\s', '')),
    '(strasse|str|street)( |$)', 'str\2', 'g'), ' ', ''), '');
CREATE OR REPLACE TEMP MACRO postal_of(s) AS
    nullif(regexp_replace(regexp_replace(upper(s), '^[A-Z]{1,2}-', ''), '[^A-Z0-9]+', '', 'g'), '');
CREATE OR REPLACE TEMP MACRO city_of(s) AS spelled(regexp_replace(regexp_replace(folded(s),
    '^(st|sankt) ', 'st '), ' (am|an|a|im|in|ob|bei|b|i|d|der|dem|den) .*$', ''));
"""

FREEMAIL = r"^(gmx|web|gmail|t-online|freenet|yahoo|hotmail|outlook|icloud|aol|arcor|posteo|mailbox|live|me|proton|protonmail)\."
"""The domains at which anybody may have a mailbox, as a regular expression."""

# What is no address is no value. Tags after + do not make another mailbox; googlemail.com is gmail.com, where
# dots do not count.
_REACHED = r"""
CREATE OR REPLACE TEMP MACRO mail_plain(s) AS
    regexp_replace(replace(nullif(regexp_extract(lower(trim(s)),
        '^(?:mailto:)?([^@\s<>,;]+@[a-z0-9äöüß-]+(?:\.[a-z0-9äöüß-]+)+)$', 1), ''),
        '@googlemail.com', '@gmail.com'), '\+[^@]*@', '@');
CREATE OR REPLACE TEMP MACRO mail_of(s) AS CASE
    WHEN mail_plain(s) LIKE '%@gmail.com'
        THEN concat(replace(split_part(mail_plain(s), '@', 1), '.', ''), '@gmail.com')
    ELSE mail_plain(s) END;
CREATE OR REPLACE TEMP MACRO phone_digits(s) AS regexp_replace(
    regexp_replace(trim(s), '\(0\)', ''), '[^0-9+]+', '', 'g');
CREATE OR REPLACE TEMP MACRO phone_german(s) AS nullif(concat('+49', nullif(regexp_extract(phone_digits(s),
    '^(?:\+49|0049|0)([1-9]\d{5,11})$', 1), '')), '+49');
CREATE OR REPLACE TEMP MACRO phone_here(s, country) AS
    CASE WHEN country = 'DE' OR phone_digits(s) SIMILAR TO '(\+|00)49.*' THEN phone_german(s) END;
CREATE OR REPLACE TEMP MACRO domain_of(s) AS nullif(regexp_extract(lower(trim(s)),
    '^(?:https?://)?(?:[^@/]*@)?(?:www\.)?([^/:?#\s]+\.[a-z]{2,})', 1), '');
"""


def define(db: duckdb.DuckDBPyConnection) -> None:
    """Make the macros known to a connection."""
    for macros in (_LETTERS, _PHONETICS, _NAMES, _LEGAL, _ADDRESSES, _REACHED):
        db.execute(macros)
