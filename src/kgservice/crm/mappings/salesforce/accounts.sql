SELECT
  line,
  id AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  yes(deleted) AS deleted,
  name,
  vat_id,
  website,
  values_of([phone]) AS phone,
  street,
  postal_code,
  city,
  coalesce(country_of(country_code), country_of(country)) AS country,
  faults([not_known('country', country, coalesce(country_of(country_code), country_of(country)))]) AS notes,
  faults([
    unread('SystemModstamp', updated, moment_of(updated)),
    unread('LastModifiedDate', modified, moment_of(modified))
  ]) AS faults
FROM raw
