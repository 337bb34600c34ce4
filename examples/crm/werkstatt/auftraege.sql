SELECT
  line,
  nummer AS key,
  kunde AS person_key,
  titel AS title,
  'won' AS stage,
  amount_of(betrag) AS amount,
  'EUR' AS currency,
  moment_of(abgeschlossen) AS closed,
  faults([
    unread('Betrag', betrag, amount_of(betrag)),
    unread('Abgeschlossen', abgeschlossen, moment_of(abgeschlossen))
  ]) AS faults
FROM raw
