-- Cleans and types the complaints: from `raw` (all text) to `good` and `rejects`.

CREATE MACRO day(text) AS coalesce(
  try_strptime(text, ['%Y-%m-%d', '%m/%d/%Y', '%m/%d/%y']),
  try_strptime(text[1:19], '%Y-%m-%dT%H:%M:%S')
)::DATE;

-- Words of what Art. 9 GDPR protects: health, belief, origin, politics, trade union, sex life, genes and body measures.
CREATE MACRO reveals(text) AS regexp_matches(text, concat(
  '\b(', array_to_string([
    'medic(al|ally|ation|ations|ine|ines|aid|are)', 'hospital\w*', 'health', 'healthcare', 'doctors?', 'nurses?', 'clinics?',
    'surger(y|ies)', 'illness(es)?', 'diseases?', 'disab(led|ility|ilities)', 'handicap\w*', 'cancer', 'chemo\w*', 'covid\w*',
    'coronavirus', 'pregnan(t|cy)', 'miscarriage', 'diabet\w*', 'strokes?', 'heart attack', 'therap(y|ies|ist|ists)',
    'psych(iatr|olog)\w*', 'depress(ed|ion)', 'anxiety', 'mental(ly)?', 'ptsd', 'autis\w*', 'dementia', 'alzheimer\w*', 'hiv',
    'addict\w*', 'rehab\w*', 'suicid\w*', 'patients?', 'ambulance', 'injur(y|ies|ed)', 'diagnos\w*', 'wheelchair', 'blind', 'deaf',
    'religio\w*', 'church(es)?', 'christian\w*', 'catholic', 'muslims?', 'islam\w*', 'jew(s|ish)?', 'mosque', 'synagogue',
    'race', 'racial(ly)?', 'racis(t|m)', 'ethnic\w*', 'african[- ]american', 'hispanics?', 'latin[oax]s?', 'native american',
    'political(ly)?', 'republican', 'democrat', 'trade union', 'labor union', 'union member',
    'gay', 'lesbian', 'bisexual', 'transgender', 'sexual\w*', 'genetic\w*', 'dna', 'biometric\w*', 'fingerprints?'
  ], '|'), ')\b'), 'i');

CREATE TABLE cleaned AS
SELECT
  r.* EXCLUDE (date_received, date_sent, consent, tags, disputed, timely, response),
  day(date_received) AS received,
  day(date_sent) AS sent,
  CASE lower(submitted_via)
    WHEN 'web' THEN 'Web'
    WHEN 'phone' THEN 'Phone'
    WHEN 'postal mail' THEN 'PostalMail'
    WHEN 'referral' THEN 'Referral'
    WHEN 'web referral' THEN 'Referral'
    WHEN 'email' THEN 'EMail'
    WHEN 'fax' THEN 'Fax'
  END AS channel,
  lower(coalesce(consent, 'n/a')) AS consent_state,
  coalesce(list_transform(string_split(tags, ','), lambda t: lower(trim(t))), []) AS tag_list,
  lower(coalesce(timely, 'n/a')) AS timely,
  lower(coalesce(disputed, 'n/a')) AS disputed,
  CASE WHEN lower(response) IN ('in progress', 'untimely response', 'n/a') THEN NULL ELSE response END AS response,
  date_received, date_sent, consent, tags
FROM raw AS r;

CREATE TABLE checked AS
SELECT *, list_filter([
  CASE WHEN NOT regexp_full_match(complaint_id, '[0-9]+') THEN concat('Complaint ID is no number: ', complaint_id) END,
  CASE WHEN received IS NULL THEN concat('Date received is no date: ', date_received) END,
  CASE WHEN sent IS NULL THEN concat('Date sent to company is no date: ', date_sent) END,
  CASE WHEN sent < received THEN 'Date sent to company is before Date received' END,
  CASE WHEN channel IS NULL THEN concat('Submitted via is not known: ', submitted_via) END,
  CASE WHEN consent_state NOT IN ('consent provided', 'consent not provided', 'consent withdrawn', 'other', 'n/a')
    THEN concat('Consumer consent provided? is not known: ', consent) END,
  CASE WHEN narrative IS NOT NULL AND consent_state <> 'consent provided'
    THEN 'a narrative without consent to publish it' END,
  CASE WHEN len(list_filter(tag_list, lambda t: t NOT IN ('older american', 'servicemember'))) > 0
    THEN concat('Tags are not known: ', tags) END,
  CASE WHEN timely NOT IN ('yes', 'no', 'n/a') THEN concat('Timely response? is neither Yes nor No: ', timely) END,
  CASE WHEN disputed NOT IN ('yes', 'no', 'n/a') THEN concat('Consumer disputed? is neither Yes nor No: ', disputed) END
], lambda fault: fault IS NOT NULL) AS faults
FROM cleaned;

CREATE VIEW rejects AS
SELECT line, array_to_string(faults, '; ') AS reason FROM checked WHERE len(faults) > 0;

CREATE TABLE good AS
SELECT
  line, complaint_id, company, product, sub_product, issue, sub_issue, narrative, state, zip_code, channel, received, sent,
  submitted_via, response, public_response, consent_state,
  concat(product, ': ' || sub_product) AS offer,
  concat(issue, ': ' || sub_issue) AS problem,
  CAST(sent - received AS DECIMAL(9, 0)) AS days_value,
  CASE timely WHEN 'yes' THEN 1 WHEN 'no' THEN 0 END::DECIMAL(1, 0) AS timely_value,
  CASE disputed WHEN 'yes' THEN 1 WHEN 'no' THEN 0 END::DECIMAL(1, 0) AS disputed_value,
  CASE consent_state
    WHEN 'consent provided' THEN 'ConsentGiven'
    WHEN 'consent withdrawn' THEN 'ConsentGiven'
    WHEN 'consent not provided' THEN 'ConsentRefused'
  END AS consent_event_kind,
  -- The table knows days only; these hours keep the order of the events of one day.
  received + CASE consent_state WHEN 'consent not provided' THEN INTERVAL 6 HOUR ELSE INTERVAL 12 HOUR END
    AS consent_event_time,
  CASE consent_state WHEN 'consent withdrawn' THEN sent + INTERVAL 86399 SECOND END AS withdrawal_time,
  -- Each yes answers a question of its own, so that it may follow an earlier no; it holds for ten years at most.
  received + CASE WHEN consent_state IN ('consent provided', 'consent withdrawn') THEN INTERVAL 9 HOUR
    ELSE INTERVAL 0 HOUR END AS request_time,
  CASE WHEN consent_state IN ('consent provided', 'consent withdrawn') THEN CAST(received + INTERVAL 10 YEAR AS DATE) END
    AS consent_end,
  CASE WHEN narrative IS NOT NULL THEN received + INTERVAL 12 HOUR END AS told,
  CASE WHEN reveals(narrative) THEN 'ContainsSpecialCategory' WHEN narrative IS NOT NULL THEN 'NoSpecialCategory' END
    AS screening_decision,
  sent + INTERVAL 86399 SECOND AS recorded,

  -- instances of this row alone
  instance('complaint', [complaint_id]) AS complaint,
  instance('reply', [complaint_id]) AS reply,
  instance('feedback', [complaint_id]) AS feedback,
  instance('screening', [complaint_id]) AS screening,
  instance('days', [complaint_id]) AS days,
  instance('timeliness', [complaint_id]) AS timeliness,
  instance('dispute', [complaint_id]) AS dispute,
  instance('days impact', [complaint_id]) AS days_impact,
  instance('timeliness impact', [complaint_id]) AS timeliness_impact,
  instance('dispute impact', [complaint_id]) AS dispute_impact,
  instance('consumer', [complaint_id]) AS person,
  instance('consent', [complaint_id]) AS consent_record,
  instance('consent event', [complaint_id, 'ConsentRequested',
    CASE WHEN consent_state IN ('consent provided', 'consent withdrawn') THEN 'ConsentGiven' END]) AS request,
  instance('consent event', [complaint_id, consent_event_kind]) AS consent_event,
  instance('consent event', [complaint_id, 'ConsentWithdrawn']) AS withdrawal,

  -- instances that rows share
  instance('company', [company]) AS provider,
  instance('product', [product]) AS product_system,
  CASE WHEN sub_product IS NOT NULL THEN instance('product', [product, sub_product]) END AS sub_product_system,
  instance('project', [company, product, sub_product]) AS project,
  instance('touchpoint', [company, product, sub_product, channel]) AS touchpoint,
  instance('planned method', [company, product, sub_product, channel]) AS planned_method,
  instance('method use', [company, product, sub_product, channel]) AS method_use,
  instance('pain point', [company, product, sub_product, issue, sub_issue]) AS pain_point,
  instance('issue', [issue]) AS issue_concept,
  CASE WHEN sub_issue IS NOT NULL THEN instance('issue', [issue, sub_issue]) END AS sub_issue_concept,
  CASE WHEN response IS NOT NULL THEN instance('solution', [company, product, sub_product, issue, sub_issue, response]) END
    AS solution,
  instance('response', [response]) AS response_kind,
  instance('source', ['Consumer Complaint Database']) AS source,
  instance('agency', ['Consumer Financial Protection Bureau']) AS agency,
  instance('metric', ['days to company']) AS days_metric,
  instance('metric', ['timely response']) AS timeliness_metric,
  instance('metric', ['dispute']) AS dispute_metric,
  CASE WHEN state IS NOT NULL THEN instance('state', [state]) END AS state_segment,
  CASE WHEN list_contains(tag_list, 'older american') THEN instance('segment', ['Older American']) END
    AS older_american_segment,
  CASE WHEN list_contains(tag_list, 'servicemember') THEN instance('segment', ['Servicemember']) END
    AS servicemember_segment,
  instance('notice', ['80 FR 15572']) AS notice,
  instance('keeper', ['Consumer Complaint Database']) AS keeper
FROM checked
WHERE len(faults) = 0;
