SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(archived) AS deleted,
  given_name,
  family_name,
  born_on(birth_date) AS birth_date,
  emails_of([email, other_email]) AS email,
  values_of([phone, mobile]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  coalesce(first_of(company_id), first_of(company_ids)) AS organisation_key,
  coalesce(first_of(associated_company), company) AS organisation_name,
  job_title,
  language_of(language) AS language,
  yes(unsubscribed) AS opted_out,
  faults([no_email('email', email), no_email('other_email', other_email), not_known('country', country, country_of(country))]) AS notes,
  faults([
    CASE WHEN coalesce(given_name, family_name, email, phone, mobile) IS NULL
      THEN 'neither a name nor an address nor a number' END,
    unread('Date of birth', birth_date, born_on(birth_date)),
    unread('Last Modified Date', updated, moment_of(updated)),
    unread('Unsubscribed from all email', unsubscribed, yes(unsubscribed))
  ]) AS faults
FROM raw
