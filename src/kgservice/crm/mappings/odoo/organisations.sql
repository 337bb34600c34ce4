SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  NOT yes(active) AS deleted,
  name,
  vat_id,
  website,
  emails_of([email]) AS email,
  values_of([phone, mobile]) AS phone,
  nullif(concat_ws(', ', street, street2), '') AS street,
  postal_code,
  city,
  country_of(replace(country, 'base.', '')) AS country,
  faults([no_email('email', email), not_known('country', country, country_of(replace(country, 'base.', '')))]) AS notes,
  faults([
    CASE WHEN name IS NULL THEN 'no name' END,
    unread('is_company', is_company, yes(is_company)),
    unread('write_date', updated, moment_of(updated))
  ]) AS faults
FROM raw
WHERE coalesce(yes(is_company), vat_id IS NOT NULL OR legal_form(name))
