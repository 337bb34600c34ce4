SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  contact AS person_key,
  account AS organisation_key,
  subject,
  text,
  status,
  priority,
  channel,
  product,
  moment_of(opened) AS opened,
  moment_of(closed) AS closed,
  faults([
    CASE WHEN subject IS NULL AND text IS NULL THEN 'neither a subject nor a description' END,
    unread('CreatedDate', opened, moment_of(opened)),
    unread('ClosedDate', closed, moment_of(closed)),
    unread('SystemModstamp', updated, moment_of(updated))
  ]) AS faults
FROM raw
