SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  given_name,
  family_name,
  full_name,
  emails_of([email]) AS email,
  values_of([ltrim(phone, '''')]) AS phone,
  street,
  postal_code,
  city,
  country_of(country) AS country,
  account_id AS organisation_key,
  account_name AS organisation_name,
  job_title,
  yes(opted_out) AS opted_out,
  faults([no_email('email', email), not_known('country', country, country_of(country))]) AS notes,
  faults([
    CASE WHEN coalesce(given_name, family_name, full_name, email, phone) IS NULL
      THEN 'neither a name nor an address nor a number' END,
    unread('modifiedAt', updated, moment_of(updated)),
    unread('emailAddressIsOptedOut', opted_out, yes(opted_out))
  ]) AS faults
FROM raw
