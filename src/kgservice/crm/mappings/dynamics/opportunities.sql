-- The phase of a process says nothing of how it ended; the status does. Dates are days without a time.
SELECT
  line,
  id AS key,
  coalesce(moment_of(updated), moment_of(modified)) AS updated,
  contact_id AS person_key,
  account_id AS organisation_key,
  title,
  CASE WHEN lower(status) IN ('won', 'lost', 'gewonnen', 'verloren') THEN status ELSE coalesce(stage, status) END
    AS stage,
  coalesce(amount_of(actual_revenue), amount_of(estimated_revenue)) AS amount,
  coalesce(currency_of(currency), currency_of(coalesce(actual_revenue, estimated_revenue))) AS currency,
  CAST(coalesce(date_of(actual_close), date_of(estimated_close)) AS TIMESTAMP) AS closed,
  faults([not_known('currency', currency, currency_of(currency))]) AS notes,
  faults([
    unread('Actual Revenue', actual_revenue, amount_of(actual_revenue)),
    unread('Est. Revenue', estimated_revenue, amount_of(estimated_revenue)),
    unread('Actual Close Date', actual_close, date_of(actual_close)),
    unread('Est. Close Date', estimated_close, date_of(estimated_close)),
    unread('Modified On', updated, moment_of(updated)),
    unread('Modified On', modified, moment_of(modified))
  ]) AS faults
FROM raw
