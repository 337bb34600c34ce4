SELECT
  line,
  nummer AS key,
  moment_of(geaendert) AS updated,
  vorname AS given_name,
  nachname AS family_name,
  born_on(geboren) AS birth_date,
  emails_of([mail]) AS email,
  values_of([telefon, mobil]) AS phone,
  strasse AS street,
  plz AS postal_code,
  ort AS city,
  country_of(land) AS country,
  NOT yes(werbung) AS opted_out,
  faults([no_email('mail', mail), not_known('land', land, country_of(land))]) AS notes,
  faults([
    unread('Geburtsdatum', geboren, born_on(geboren)),
    unread('Geändert am', geaendert, moment_of(geaendert)),
    unread('Werbung erlaubt', werbung, yes(werbung))
  ]) AS faults
FROM raw
