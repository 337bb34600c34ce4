SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  NOT yes(active) AS deleted,
  name AS full_name,
  emails_of([email]) AS email,
  values_of([phone, mobile]) AS phone,
  nullif(concat_ws(', ', street, street2), '') AS street,
  postal_code,
  city,
  country_of(replace(country, 'base.', '')) AS country,
  company_ref AS organisation_key,
  parent_name AS organisation_name,
  job_title,
  language_of(language) AS language,
  faults([no_email('email', email), not_known('country', country, country_of(replace(country, 'base.', '')))]) AS notes,
  faults([
    CASE WHEN coalesce(name, email, phone, mobile) IS NULL
      THEN 'neither a name nor an e-mail address nor a number' END,
    unread('is_company', is_company, yes(is_company)),
    unread('write_date', updated, moment_of(updated))
  ]) AS faults
FROM raw
WHERE NOT coalesce(yes(is_company), vat_id IS NOT NULL OR legal_form(name))
