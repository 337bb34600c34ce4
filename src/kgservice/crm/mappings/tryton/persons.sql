SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  NOT yes(active) AS deleted,
  name AS full_name,
  emails_of([email]) AS email,
  values_of([phone, mobile]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  language_of(language) AS language,
  faults([no_email('email', email), not_known('country', country, country_of(country))]) AS notes,
  faults([
    CASE WHEN coalesce(name, email, phone, mobile) IS NULL
      THEN 'neither a name nor an e-mail address nor a number' END,
    unread('write_date', updated, moment_of(updated))
  ]) AS faults
FROM raw
WHERE NOT (vat_id IS NOT NULL OR legal_form(name))
