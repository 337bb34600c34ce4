-- A deal that is won or lost keeps the stage where that happened; the status says how it ended.
SELECT
  line,
  id AS key,
  moment_of(updated) AS updated,
  yes(deleted) AS deleted,
  person_id AS person_key,
  organisation_id AS organisation_key,
  title,
  CASE WHEN lower(status) IN ('won', 'lost', 'gewonnen', 'verloren') THEN status ELSE coalesce(stage, status) END
    AS stage,
  amount_of(amount) AS amount,
  coalesce(currency_of(currency), currency_of(amount)) AS currency,
  coalesce(moment_of(closed), moment_of(won), moment_of(lost), moment_of(expected)) AS closed,
  faults([not_known('currency', currency, currency_of(currency))]) AS notes,
  faults([
    unread('Value', amount, amount_of(amount)),
    unread('Closed on', closed, moment_of(closed)),
    unread('Won time', won, moment_of(won)),
    unread('Lost time', lost, moment_of(lost)),
    unread('Expected close date', expected, moment_of(expected)),
    unread('Update time', updated, moment_of(updated))
  ]) AS faults
FROM raw
