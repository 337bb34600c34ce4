SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  contact_id AS person_key,
  account_id AS organisation_key,
  title,
  stage,
  amount_of(amount) AS amount,
  coalesce(currency_of(currency), currency_of(amount)) AS currency,
  CAST(date_of(closed) AS TIMESTAMP) AS closed,
  faults([not_known('currency', currency, currency_of(currency))]) AS notes,
  faults([
    unread('amount', amount, amount_of(amount)),
    unread('closeDate', closed, date_of(closed)),
    unread('modifiedAt', updated, moment_of(updated))
  ]) AS faults
FROM raw
