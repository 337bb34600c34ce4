SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  name,
  website,
  values_of([email]) AS email,
  values_of([phone]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  faults([unread('Date Modified', updated, moment_of(updated))]) AS faults
FROM raw
