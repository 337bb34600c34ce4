-- An address in one cell is taken apart where it is written as in Germany: street, postal code and city, country.
SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  name,
  website,
  coalesce(nullif(concat_ws(' ', road, house), ''), nullif(regexp_extract(address, '^([^,]+),', 1), '')) AS street,
  coalesce(postal_code, nullif(regexp_extract(address, ',\s*(\d{4,5})\s', 1), '')) AS postal_code,
  coalesce(city, nullif(regexp_extract(address, ',\s*\d{4,5}\s+([^,]+)', 1), '')) AS city,
  country_of(coalesce(country, nullif(trim(regexp_extract(address, ',\s*([^,\d]+)$', 1)), ''))) AS country,
  faults([not_known('country', country, country_of(country))]) AS notes,
  faults([unread('Update time', updated, moment_of(updated))]) AS faults
FROM raw
