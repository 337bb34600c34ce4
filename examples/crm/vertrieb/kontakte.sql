SELECT
  line,
  nummer AS key,
  moment_of(geaendert) AS updated,
  vorname AS given_name,
  nachname AS family_name,
  concat_ws(' ', vorname, nachname) AS full_name,
  emails_of([mail]) AS email,
  values_of([telefon]) AS phone,
  firma AS organisation_name,
  funktion AS job_title,
  NOT yes(werbung) AS opted_out,
  faults([no_email('mail', mail)]) AS notes,
  faults([
    unread('Geändert am', geaendert, moment_of(geaendert)),
    unread('Werbung erlaubt', werbung, yes(werbung))
  ]) AS faults
FROM raw
