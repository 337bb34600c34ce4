SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  name,
  website,
  emails_of([email]) AS email,
  values_of([phone]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  faults([no_email('email', email), not_known('country', country, country_of(country))]) AS notes,
  faults([unread('Date Modified', updated, moment_of(updated))]) AS faults
FROM raw
