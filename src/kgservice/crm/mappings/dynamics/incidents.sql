SELECT
  line,
  id AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  coalesce(contact_id, CASE WHEN customer_kind = 'contact' THEN customer_id END) AS person_key,
  CASE WHEN customer_kind = 'account' THEN customer_id END AS organisation_key,
  subject,
  text,
  status,
  priority,
  channel,
  product,
  moment_of(opened) AS opened,
  faults([
    CASE WHEN subject IS NULL AND text IS NULL THEN 'neither a title nor a description' END,
    unread('Created On', opened, moment_of(opened)),
    unread('Modified On', updated, moment_of(updated)),
    unread('Modified On', modified, moment_of(modified))
  ]) AS faults
FROM raw
