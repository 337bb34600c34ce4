SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  given_name,
  family_name,
  full_name,
  born_on(birth_date) AS birth_date,
  emails_of([email]) AS email,
  values_of([phone_work, phone_mobile, phone_home]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  account_name AS organisation_name,
  job_title,
  faults([no_email('email', email), not_known('country', country, country_of(country))]) AS notes,
  faults([
    CASE WHEN coalesce(given_name, family_name, full_name, email) IS NULL
      THEN 'neither a name nor an e-mail address' END,
    unread('Birthdate', birth_date, born_on(birth_date)),
    unread('Date Modified', updated, moment_of(updated))
  ]) AS faults
FROM raw
