SELECT
  line,
  id AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  name,
  website,
  emails_of([email]) AS email,
  values_of([phone]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  faults([no_email('email', email), not_known('country', country, country_of(country))]) AS notes,
  faults([
    unread('Modified On', updated, moment_of(updated)),
    unread('Modified On', modified, moment_of(modified))
  ]) AS faults
FROM raw
