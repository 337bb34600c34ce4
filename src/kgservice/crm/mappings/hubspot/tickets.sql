SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(archived) AS deleted,
  first_of(contact_ids) AS person_key,
  coalesce(first_of(company_id), first_of(company_ids)) AS organisation_key,
  subject,
  text,
  status,
  priority,
  channel,
  product,
  moment_of(opened) AS opened,
  moment_of(closed) AS closed,
  faults([
    CASE WHEN subject IS NULL AND text IS NULL THEN 'neither a name nor a description' END,
    unread('Create date', opened, moment_of(opened)),
    unread('Close date', closed, moment_of(closed)),
    unread('Last modified date', updated, moment_of(updated))
  ]) AS faults
FROM raw
