-- An opt-out is a fact. A legal basis that HubSpot names says how a consent came about; who is only not
-- unsubscribed has given none.
SELECT
  line,
  concat(id, ':email') AS key,
  moment_of(updated) AS updated,
  id AS person_key,
  'email' AS topic,
  CASE WHEN yes(unsubscribed) THEN 'withdrawn' WHEN legal_basis ILIKE '%consent%' OR legal_basis ILIKE '%einwilligung%'
    THEN 'given' ELSE 'unknown' END AS state,
  CASE WHEN yes(unsubscribed) THEN NULL ELSE legal_basis END AS origin,
  CAST([] AS VARCHAR[]) AS faults
FROM raw
WHERE yes(unsubscribed) OR legal_basis IS NOT NULL
