SELECT
  line,
  id AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  yes(deleted) AS deleted,
  contact_id AS person_key,
  account_id AS organisation_key,
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
    unread('SystemModstamp', updated, moment_of(updated)),
    unread('LastModifiedDate', modified, moment_of(modified))
  ]) AS faults
FROM raw
