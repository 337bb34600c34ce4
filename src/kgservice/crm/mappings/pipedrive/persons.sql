SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  given_name,
  family_name,
  name AS full_name,
  emails_of([replace(email_work, ',', ';'), replace(email_home, ',', ';'), replace(email_other, ',', ';')]) AS email,
  values_of([
    replace(phone_work, ',', ';'), replace(phone_mobile, ',', ';'),
    replace(phone_home, ',', ';'), replace(phone_other, ',', ';')
  ]) AS phone,
  organisation_id AS organisation_key,
  organisation AS organisation_name,
  job_title,
  lower(marketing) = 'unsubscribed' AS opted_out,
  faults([no_email('email_work', replace(email_work, ',', ';')), no_email('email_home', replace(email_home, ',', ';')), no_email('email_other', replace(email_other, ',', ';'))]) AS notes,
  faults([
    CASE WHEN coalesce(name, given_name, family_name) IS NULL THEN 'no name' END,
    unread('Update time', updated, moment_of(updated))
  ]) AS faults
FROM raw
