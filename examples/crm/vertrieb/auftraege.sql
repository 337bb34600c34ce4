SELECT
  line,
  auftrag AS key,
  nummer AS person_key,
  firma AS organisation_key,
  leistung AS title,
  stand AS stage,
  amount_of(betrag) AS amount,
  'EUR' AS currency,
  moment_of(abschluss) AS closed,
  faults([
    unread('Betrag', betrag, amount_of(betrag)),
    unread('Abschluss', abschluss, moment_of(abschluss))
  ]) AS faults
FROM raw
