SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  account_id AS organisation_key,
  subject,
  text,
  status,
  priority,
  moment_of(opened) AS opened,
  faults([
    CASE WHEN subject IS NULL AND text IS NULL THEN 'neither a subject nor a description' END,
    unread('Date Created', opened, moment_of(opened)),
    unread('Date Modified', updated, moment_of(updated))
  ]) AS faults
FROM raw
