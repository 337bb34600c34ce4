-- What the SQL of a mapping may use to read cells: texts, or NULL for what is empty.

-- The faults of a row, less those that are none.
CREATE MACRO faults(listed) AS list_filter(listed::VARCHAR[], lambda fault: fault IS NOT NULL);
-- What the source calls a column that goes by this title.
CREATE MACRO heading(title) AS coalesce(getvariable('headings')[lower(title)], title);
-- The fault of a cell that is filled and could not be read.
CREATE MACRO unread(title, cell, made) AS
  CASE WHEN cell IS NOT NULL AND made IS NULL THEN concat(heading(title), ' cannot be read: ', left(cell, 60)) END;
-- Whether a cell says nothing.
CREATE MACRO blank(cell) AS cell IS NULL OR lower(cell) IN ('-', '--', 'null', 'none', 'n/a', 'k.a.', 'k. a.');
-- What is noted of a cell that is filled and was not understood, whose row is taken without it.
CREATE MACRO not_known(title, cell, made) AS
  CASE WHEN NOT blank(cell) AND made IS NULL THEN concat(heading(title), ' is not known, and left out: ', left(cell, 60)) END;
-- Several cells, or cells of several values, as one list without what is empty or stands there twice.
CREATE MACRO values_of(cells) AS list_distinct(list_filter(
  list_transform(flatten(list_transform(list_filter(cells, lambda cell: cell IS NOT NULL),
    lambda cell: string_split(cell, ';'))), lambda part: trim(part)), lambda part: part <> ''));
CREATE MACRO is_email(part) AS regexp_full_match(part, '([^<>@]*<)?[^@\s<>]+@[^@\s<>]+>?');
-- The e-mail addresses in such cells, and what is noted of what is none.
CREATE MACRO emails_of(cells) AS list_filter(values_of(cells), lambda part: is_email(part));
CREATE MACRO no_email(title, cell) AS (SELECT CASE WHEN others <> '' THEN
  concat(heading(title), ' is no e-mail address, and left out: ', left(others, 60)) END FROM (SELECT array_to_string(
  list_filter(values_of([cell]), lambda part: NOT is_email(part) AND NOT blank(part)), '; ') AS others));
CREATE MACRO yes(cell) AS CASE
  WHEN lower(cell) IN ('true', 't', 'yes', 'y', 'ja', 'j', '1', '1.0', 'x', 'wahr', 'on', 'checked', 'oui') THEN true
  WHEN lower(cell) IN ('false', 'f', 'no', 'n', 'nein', '0', '0.0', 'falsch', 'off', 'unchecked', 'non') THEN false END;

CREATE MACRO zoned(cell) AS regexp_matches(cell, '\d{2}:\d{2}(:\d{2})?([.,]\d+)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)$');
CREATE MACRO serial(cell) AS TIMESTAMP '1899-12-30' + to_seconds(CAST(round(CAST(cell AS DOUBLE) * 86400) AS BIGINT));
-- A moment as it is written, whatever its zone.
CREATE MACRO written_moment(cell) AS CASE
  WHEN regexp_full_match(cell, '\d{5}([.]\d+)?') THEN serial(cell)
  WHEN regexp_full_match(cell, '\d{12,13}') THEN make_timestamp(CAST(cell AS BIGINT) * 1000)
  WHEN regexp_matches(cell, '^\d{4}-') THEN try_strptime(cell, ['%Y-%m-%d', '%Y-%m-%d %H:%M', '%Y-%m-%dT%H:%M',
    '%Y-%m-%d %H:%M:%S', '%Y-%m-%dT%H:%M:%S', '%Y-%m-%d %H:%M:%S.%f', '%Y-%m-%dT%H:%M:%S.%f'])
  WHEN regexp_matches(cell, '^\d{1,2}[.]\d{1,2}[.]\d{4}') THEN try_strptime(cell, ['%d.%m.%Y', '%d.%m.%Y %H:%M',
    '%d.%m.%Y, %H:%M', '%d.%m.%Y %H:%M:%S', '%d.%m.%Y, %H:%M:%S', '%d.%m.%Y %H:%M Uhr', '%d.%m.%Y, %H:%M Uhr'])
  WHEN regexp_matches(cell, '^\d{1,2}[.]\d{1,2}[.]\d{2}($|\D)') THEN try_strptime(cell, ['%d.%m.%y', '%d.%m.%y %H:%M'])
  WHEN getvariable('dates') = 'dmy' THEN try_strptime(cell, ['%d/%m/%Y', '%d/%m/%Y %H:%M', '%d/%m/%Y %H:%M:%S',
    '%d/%m/%Y, %H:%M', '%d-%m-%Y', '%d-%m-%Y %H:%M'])
  WHEN getvariable('dates') = 'mdy' THEN try_strptime(cell, ['%m/%d/%Y', '%m/%d/%Y %H:%M', '%m/%d/%Y %I:%M %p',
    '%m/%d/%Y, %I:%M %p', '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %H:%M:%S', '%m-%d-%Y'])
  END;
CREATE MACRO sensible(moment) AS CASE WHEN year(moment) BETWEEN 1850 AND 2200 THEN moment END;
-- A moment in UTC; a day without a time is its midnight, wherever it was.
CREATE MACRO moment_of(cell) AS sensible(CASE
  WHEN zoned(cell) THEN CAST(try_cast(replace(cell, ',', '.') AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP)
  WHEN contains(cell, ':') THEN CAST((written_moment(cell) AT TIME ZONE getvariable('timezone')) AT TIME ZONE 'UTC' AS TIMESTAMP)
  ELSE CAST(written_moment(cell) AS TIMESTAMP) END);
CREATE MACRO date_of(cell) AS CAST(sensible(CASE
  WHEN zoned(cell) THEN try_strptime(left(cell, 10), ['%Y-%m-%d']) ELSE written_moment(cell) END) AS DATE);

-- A day on which somebody was born: never ahead of today, so that a year of two digits is in the century before.
CREATE MACRO born_on(cell) AS CASE
  WHEN date_of(cell) <= getvariable('today') THEN date_of(cell)
  WHEN regexp_full_match(cell, '\d{1,2}[.]\d{1,2}[.]\d{2}') THEN CAST(date_of(cell) - INTERVAL 100 YEAR AS DATE) END;

CREATE MACRO decimal_mark(bare) AS CASE
  WHEN getvariable('decimal') <> '' THEN getvariable('decimal')
  WHEN contains(bare, '.') AND contains(bare, ',') THEN
    CASE WHEN strpos(reverse(bare), ',') < strpos(reverse(bare), '.') THEN ',' ELSE '.' END
  WHEN regexp_full_match(bare, '[+-]?\d{1,3}([.]\d{3}){2,}') THEN ','
  WHEN regexp_full_match(bare, '[+-]?\d{1,3}(,\d{3}){2,}') THEN '.'
  WHEN regexp_full_match(bare, '[+-]?\d{1,3}[.,]\d{3}') THEN NULL  -- 1.234 may be either
  WHEN contains(bare, ',') THEN ',' ELSE '.' END;
CREATE MACRO amount_in(bare, mark) AS CASE
  WHEN mark = ',' AND regexp_full_match(bare, '[+-]?(\d+|\d{1,3}([.]\d{3})+)(,\d*)?')
    THEN try_cast(replace(replace(bare, '.', ''), ',', '.') AS DECIMAL(18,2))
  WHEN mark = '.' AND regexp_full_match(bare, '[+-]?(\d+|\d{1,3}(,\d{3})+)([.]\d*)?')
    THEN try_cast(replace(bare, ',', '') AS DECIMAL(18,2)) END;
-- An amount with or without its currency; NULL if it may be read in two ways.
CREATE MACRO bare_amount(cell) AS
  regexp_replace(regexp_replace(cell, '^(€|\$|£|[A-Z]{3})\s*|\s*(€|\$|£|[A-Z]{3})$', '', 'g'), '[\s'']', '', 'g');
CREATE MACRO amount_of(cell) AS amount_in(bare_amount(cell), decimal_mark(bare_amount(cell)));
CREATE MACRO currency_of(cell) AS CASE
  WHEN contains(cell, '€') OR lower(cell) = 'euro' THEN 'EUR'
  WHEN regexp_full_match(lower(cell), 'us[- ]?dollar') THEN 'USD' WHEN lower(cell) = 'schweizer franken' THEN 'CHF'
  WHEN contains(cell, '£') THEN 'GBP'
  ELSE nullif(upper(regexp_extract(upper(cell), '(^|[^A-Z])([A-Z]{3})($|[^A-Z])', 2)), '') END;

CREATE MACRO bare_name(cell) AS lower(regexp_replace(cell, '[\s().,''’-]+', '', 'g'));
-- ISO 3166-1 alpha-2 of a country by its code or its name in German or English; NULL if it is not known.
CREATE MACRO country_of(cell) AS (SELECT max(code) FROM places WHERE kind = 'country' AND name = bare_name(cell));
-- BCP 47 of a language by its tag or its name in German or English; NULL if it is not known.
CREATE MACRO language_of(cell) AS coalesce(
  (SELECT max(code) FROM places WHERE kind = 'language' AND name = bare_name(cell)),
  CASE WHEN regexp_full_match(cell, '[A-Za-z]{2}([-_][A-Za-z]{2})?') THEN
    concat_ws('-', lower(left(cell, 2)), nullif(upper(substr(cell, 4, 2)), '')) END);
-- The first of several values in a cell.
CREATE MACRO first_of(cell) AS nullif(trim(string_split(cell, ';')[1]), '');
-- Whether a name holds the legal form of a company (German, and the usual ones of its neighbours).
CREATE MACRO legal_form(name) AS coalesce(regexp_matches(name,
  '(^|[\s&.,(])(m\.?b\.?h|g?GmbH|UG|AG|KGaA|KG|OHG|GbR|SE|e\.?\s?K\.?|e\.?\s?V\.?|eG|PartG|Ltd\.?|LLC|Inc\.?|S\.?A\.?S?|S\.?[àa]\.?r\.?l\.?|B\.?V\.?|N\.?V\.?|S\.?p\.?A\.?|S\.?r\.?l\.?|A\.?G\.?)($|[\s&.,)])'), false);
