-- The description is HTML: its tags are taken out. The contact is a person or an organisation.
SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  partner_ref AS person_key,
  partner_ref AS organisation_key,
  subject,
  nullif(trim(
    regexp_replace(regexp_replace(text, '<(br|/p|/div|/li)[^>]*>', chr(10), 'gi'), '<[^>]*>', '', 'g'),
    concat(' ', chr(10))
  ), '') AS text,
  status,
  priority,
  channel,
  moment_of(opened) AS opened,
  moment_of(closed) AS closed,
  faults([
    CASE WHEN subject IS NULL AND text IS NULL THEN 'neither a title nor a description' END,
    unread('create_date', opened, moment_of(opened)),
    unread('closed_date', closed, moment_of(closed)),
    unread('write_date', updated, moment_of(updated))
  ]) AS faults
FROM raw
