SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(archived) AS deleted,
  first_of(contact_ids) AS person_key,
  coalesce(first_of(company_id), first_of(company_ids)) AS organisation_key,
  title,
  stage,
  amount_of(amount) AS amount,
  coalesce(currency_of(currency), currency_of(amount)) AS currency,
  moment_of(closed) AS closed,
  faults([not_known('currency', currency, currency_of(currency))]) AS notes,
  faults([
    unread('Amount', amount, amount_of(amount)),
    unread('Close Date', closed, moment_of(closed)),
    unread('Last Modified Date', updated, moment_of(updated))
  ]) AS faults
FROM raw
