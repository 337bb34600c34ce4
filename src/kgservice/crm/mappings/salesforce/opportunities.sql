SELECT
  line,
  id AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  yes(deleted) AS deleted,
  contact_id AS person_key,
  account_id AS organisation_key,
  title,
  stage,
  amount_of(amount) AS amount,
  coalesce(currency_of(currency), currency_of(amount)) AS currency,
  moment_of(closed) AS closed,
  faults([not_known('currency', currency, currency_of(currency))]) AS notes,
  faults([
    unread('Amount', amount, amount_of(amount)),
    unread('CloseDate', closed, moment_of(closed)),
    unread('SystemModstamp', updated, moment_of(updated)),
    unread('LastModifiedDate', modified, moment_of(modified))
  ]) AS faults
FROM raw
