SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  NOT yes(active) AS deleted,
  name,
  first_of(vat_id) AS vat_id,
  first_of(website) AS website,
  emails_of([email]) AS email,
  values_of([phone, mobile]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  faults([no_email('email', email), not_known('country', country, country_of(country))]) AS notes,
  faults([unread('write_date', updated, moment_of(updated))]) AS faults
FROM raw
WHERE vat_id IS NOT NULL OR legal_form(name)
