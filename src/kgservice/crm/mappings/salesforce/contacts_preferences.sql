-- The tick box says who wants no e-mail, and nothing of a consent of the others.
SELECT
  line,
  concat(id, ':email') AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  id AS person_key,
  'email' AS topic,
  'refused' AS state,
  CAST([] AS VARCHAR[]) AS faults
FROM raw
WHERE yes(opted_out)
