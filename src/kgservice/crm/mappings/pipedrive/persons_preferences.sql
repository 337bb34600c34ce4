-- Pipedrive knows that somebody is subscribed, and not how that came about: no origin.
SELECT
  line,
  concat(id, ':email') AS key,
  moment_of(updated) AS updated,
  id AS person_key,
  'email' AS topic,
  CASE lower(marketing) WHEN 'subscribed' THEN 'given' WHEN 'unsubscribed' THEN 'withdrawn' ELSE 'unknown' END AS state,
  CAST([] AS VARCHAR[]) AS faults
FROM raw
WHERE marketing IS NOT NULL
