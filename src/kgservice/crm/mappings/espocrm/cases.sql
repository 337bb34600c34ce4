SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  contact_id AS person_key,
  account_id AS organisation_key,
  subject,
  text,
  status,
  priority,
  moment_of(opened) AS opened,
  faults([
    CASE WHEN subject IS NULL AND text IS NULL THEN 'neither a name nor a description' END,
    unread('createdAt', opened, moment_of(opened)),
    unread('modifiedAt', updated, moment_of(updated))
  ]) AS faults
FROM raw
