-- The contact of a lead is a person or an organisation, which its key does not say.
SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  partner_ref AS person_key,
  partner_ref AS organisation_key,
  title,
  stage,
  amount_of(amount) AS amount,
  coalesce(currency_of(currency), currency_of(amount)) AS currency,
  coalesce(moment_of(closed), CAST(date_of(expected) AS TIMESTAMP)) AS closed,
  faults([not_known('currency', currency, currency_of(currency))]) AS notes,
  faults([
    unread('expected_revenue', amount, amount_of(amount)),
    unread('date_deadline', expected, date_of(expected)),
    unread('date_closed', closed, moment_of(closed)),
    unread('write_date', updated, moment_of(updated))
  ]) AS faults
FROM raw
