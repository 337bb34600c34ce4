-- Who ticked the box on the telephone gave no consent that could be proved: only the form says how it was given.
SELECT
  line,
  nummer AS key,
  nummer AS person_key,
  rundschreiben AS topic,
  CASE WHEN yes(bezogen) THEN 'given' ELSE 'withdrawn' END AS state,
  moment_of(seit) AS moment,
  zugesagt AS origin,
  faults([
    unread('Bezogen', bezogen, yes(bezogen)),
    unread('Seit', seit, moment_of(seit))
  ]) AS faults
FROM raw
