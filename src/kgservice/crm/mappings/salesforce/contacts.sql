SELECT
  line,
  id AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  yes(deleted) AS deleted,
  given_name,
  family_name,
  full_name,
  born_on(birth_date) AS birth_date,
  emails_of([email]) AS email,
  values_of([phone, mobile, home_phone]) AS phone,
  street,
  postal_code,
  city,
  coalesce(country_of(country_code), country_of(country)) AS country,
  account_id AS organisation_key,
  account_name AS organisation_name,
  job_title,
  yes(opted_out) AS opted_out,
  faults([no_email('email', email), not_known('country', country, coalesce(country_of(country_code), country_of(country)))]) AS notes,
  faults([
    CASE WHEN coalesce(family_name, full_name, email) IS NULL THEN 'neither a name nor an e-mail address' END,
    unread('Birthdate', birth_date, born_on(birth_date)),
    unread('SystemModstamp', updated, moment_of(updated)),
    unread('LastModifiedDate', modified, moment_of(modified)),
    unread('HasOptedOutOfEmail', opted_out, yes(opted_out))
  ]) AS faults
FROM raw
