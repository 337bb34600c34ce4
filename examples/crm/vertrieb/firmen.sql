SELECT
  line,
  nummer AS key,
  name,
  strasse AS street,
  plz AS postal_code,
  ort AS city,
  values_of([telefon]) AS phone,
  web AS website,
  ust AS vat_id,
  faults([]) AS faults
FROM raw
