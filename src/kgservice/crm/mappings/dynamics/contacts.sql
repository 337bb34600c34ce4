SELECT
  line,
  id AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  given_name,
  family_name,
  full_name,
  born_on(birth_date) AS birth_date,
  emails_of([email, other_email]) AS email,
  values_of([phone, mobile]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  CASE WHEN company_kind = 'account' THEN company_id END AS organisation_key,
  CASE WHEN coalesce(company_kind, 'account') = 'account' THEN company END AS organisation_name,
  job_title,
  CASE WHEN coalesce(no_email, no_bulk_email) IS NOT NULL THEN
    coalesce(lower(no_email), '') IN ('true', 'do not allow')
    OR coalesce(lower(no_bulk_email), '') IN ('true', 'do not allow') END AS opted_out,
  faults([no_email('email', email), no_email('other_email', other_email), not_known('country', country, country_of(country))]) AS notes,
  faults([
    CASE WHEN coalesce(given_name, family_name, full_name, email, phone, mobile) IS NULL
      THEN 'neither a name nor an address nor a number' END,
    unread('Birthday', birth_date, born_on(birth_date)),
    unread('Modified On', updated, moment_of(updated)),
    unread('Modified On', modified, moment_of(modified)),
    unread('Do not allow Emails', no_email,
      CASE WHEN lower(no_email) IN ('true', 'false', 'allow', 'do not allow') THEN true END),
    unread('Do not allow Bulk Emails', no_bulk_email,
      CASE WHEN lower(no_bulk_email) IN ('true', 'false', 'allow', 'do not allow') THEN true END)
  ]) AS faults
FROM raw
