-- The till has a tick box and no word on how it was given: no `origin`.
SELECT
  line,
  nummer AS key,
  nummer AS person_key,
  'Werbung' AS topic,
  CASE WHEN yes(werbung) THEN 'given' ELSE 'refused' END AS state,
  CAST([] AS VARCHAR[]) AS faults
FROM raw
WHERE yes(werbung) IS NOT NULL
