SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(archived) AS deleted,
  name,
  vat_id,
  coalesce(website, domain) AS website,
  values_of([phone]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  faults([not_known('country', country, country_of(country))]) AS notes,
  faults([unread('Last Modified Date', updated, moment_of(updated))]) AS faults
FROM raw
