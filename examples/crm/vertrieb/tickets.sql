SELECT
  line,
  ticket AS key,
  nummer AS person_key,
  betreff AS subject,
  beschreibung AS text,
  weg AS channel,
  moment_of(eroeffnet) AS opened,
  faults([unread('Eröffnet', eroeffnet, moment_of(eroeffnet))]) AS faults
FROM raw
