-- Types the list of pain points: German dates, decimal commas, German words for the model's concepts.

CREATE MACRO tag(text) AS try_strptime(text, '%d.%m.%Y')::DATE;
CREATE MACRO zahl(text) AS try_cast(replace(replace(text, '.', ''), ',', '.') AS DECIMAL(9, 2));

CREATE TABLE typed AS
SELECT *,
  tag(erkannt_am) AS detected,
  tag(eingefuehrt_am) AS deployed,
  tag(gemessen_am) AS measured_on,
  zahl(aufwand_vorher) AS before_value,
  zahl(aufwand_nachher) AS after_value,
  map {'Problem': 'Problem', 'Herausforderung': 'Challenge', 'Unannehmlichkeit': 'Inconvenience'}[art] AS kind,
  map {'Telefon': 'Phone', 'Vor Ort': 'OnSite', 'Post': 'PostalMail', 'Web': 'Web', 'E-Mail': 'EMail'}[kanal] AS channel,
  map {'Ideengenerierung': 'IdeaGeneration', 'Anforderungserhebung': 'RequirementsElicitation',
       'Konzeptentwicklung': 'ConceptDevelopment', 'Prototypenentwicklung': 'PrototypeDevelopment',
       'Markteinführung': 'MarketLaunch'}[phase] AS phase_name,
  map {'Befragung': 'Survey', 'Beobachtung': 'Observation', 'Kundenfeedback': 'CustomerFeedback',
       'Nutzertest': 'UserTest', 'Workshop': 'Workshop'}[methode] AS method_name
FROM raw;

CREATE TABLE checked AS
SELECT *, list_filter([
  CASE WHEN detected IS NULL THEN concat('Erkannt am ist kein Datum: ', erkannt_am) END,
  CASE WHEN eingefuehrt_am IS NOT NULL AND deployed IS NULL THEN concat('Eingeführt am ist kein Datum: ', eingefuehrt_am) END,
  CASE WHEN gemessen_am IS NOT NULL AND measured_on IS NULL THEN concat('Gemessen am ist kein Datum: ', gemessen_am) END,
  CASE WHEN aufwand_vorher IS NOT NULL AND before_value IS NULL THEN concat('Aufwand vorher ist keine Zahl: ', aufwand_vorher) END,
  CASE WHEN aufwand_nachher IS NOT NULL AND after_value IS NULL THEN concat('Aufwand nachher ist keine Zahl: ', aufwand_nachher) END,
  CASE WHEN after_value IS NOT NULL AND (measured_on IS NULL OR messbeleg IS NULL OR loesung IS NULL)
    THEN 'Aufwand nachher ohne Lösung, Gemessen am oder Messbeleg' END,
  CASE WHEN kind IS NULL THEN concat('Art ist nicht bekannt: ', art) END,
  CASE WHEN channel IS NULL THEN concat('Kanal ist nicht bekannt: ', kanal) END,
  CASE WHEN phase_name IS NULL THEN concat('Phase ist nicht bekannt: ', phase) END,
  CASE WHEN method_name IS NULL THEN concat('Methode ist nicht bekannt: ', methode) END
], lambda fault: fault IS NOT NULL) AS faults
FROM typed;

CREATE VIEW rejects AS
SELECT line, array_to_string(faults, '; ') AS reason FROM checked WHERE len(faults) > 0;

CREATE VIEW good AS
SELECT
  line, nr, projekt, produkt, schmerzpunkt, kontaktpunkt, kind, channel, phase_name, method_name, detected, beleg,
  loesung, deployed, before_value, after_value, measured_on, messbeleg,
  instance('development', [projekt]) AS project,
  instance('product system', [produkt]) AS product,
  instance('touchpoint', [projekt, kontaktpunkt]) AS touchpoint,
  instance('planned method', [projekt, kontaktpunkt, methode]) AS planned_method,
  instance('method use', [projekt, kontaktpunkt, methode]) AS method_use,
  instance('pain point', [projekt, nr]) AS pain_point,
  instance('document', [projekt, kontaktpunkt, methode, beleg]) AS document,
  instance('result document', [projekt, messbeleg]) AS result_document,
  instance('data source', [projekt, 'list of pain points']) AS list,
  CASE WHEN loesung IS NOT NULL THEN instance('solution', [projekt, loesung]) END AS solution,
  instance('impact', [projekt, nr]) AS impact,
  instance('baseline', [projekt, nr]) AS baseline,
  instance('measurement', [projekt, nr]) AS measured
FROM checked
WHERE len(faults) = 0;
