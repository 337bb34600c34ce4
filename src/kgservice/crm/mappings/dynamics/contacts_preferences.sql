-- Who may not be written to. That the others may is the default of each new contact, and no consent.
SELECT
  line,
  concat(id, ':', topic) AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  id AS person_key,
  topic,
  'refused' AS state,
  CAST([] AS VARCHAR[]) AS faults
FROM (
  SELECT *, 'email' AS topic, no_email AS refused FROM raw
  UNION ALL
  SELECT *, 'bulk email' AS topic, no_bulk_email AS refused FROM raw
)
WHERE lower(refused) IN ('true', 'do not allow')
