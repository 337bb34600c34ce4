SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  contact AS person_key,
  account AS organisation_key,
  title,
  stage,
  amount_of(amount) AS amount,
  coalesce(currency_of(currency), currency_of(amount)) AS currency,
  moment_of(closed) AS closed,
  faults([
    unread('Amount', amount, amount_of(amount)),
    unread('CloseDate', closed, moment_of(closed)),
    unread('SystemModstamp', updated, moment_of(updated))
  ]) AS faults
FROM raw
