SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  coalesce(contact, party) AS person_key,
  party AS organisation_key,
  coalesce(description, number) AS title,
  state AS stage,
  amount_of(amount) AS amount,
  currency,
  moment_of(closed) AS closed,
  faults([
    unread('amount', amount, amount_of(amount)),
    unread('end_date', closed, moment_of(closed)),
    unread('write_date', updated, moment_of(updated))
  ]) AS faults
FROM raw
