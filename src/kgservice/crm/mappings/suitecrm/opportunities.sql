-- The currency is part of the amount, as the user writes it; the column Currency holds a key of SuiteCRM.
SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  title,
  stage,
  amount_of(amount) AS amount,
  currency_of(amount) AS currency,
  CAST(date_of(closed) AS TIMESTAMP) AS closed,
  faults([
    unread('Opportunity Amount', amount, amount_of(amount)),
    unread('Expected Close Date', closed, date_of(closed)),
    unread('Date Modified', updated, moment_of(updated))
  ]) AS faults
FROM raw
