"""The words of the pages, in German and English."""

from __future__ import annotations

LANGUAGES = ("de", "en")

TEXTS: dict[str, tuple[str, str]] = {
    # key: (German, English)
    "title": ("Wissensgraph der Kundenintegration", "Knowledge graph of customer integration"),
    "skip": ("Zum Inhalt", "Skip to content"),
    "start": ("Übersicht", "Overview"),
    "questions": ("Fragen", "Questions"),
    "sparql": ("SPARQL", "SPARQL"),
    "api": ("Schnittstellen", "Interfaces"),
    "other-language": ("English", "Deutsch"),
    "main-navigation": ("Hauptnavigation", "Main navigation"),
    "loaded": ("Was geladen ist", "What is loaded"),
    "empty": (
        "Der Graph enthält noch keine Datensätze. Mit „kgservice load examples/cfpb“ kommen echte dazu, "
        "mit „kgservice serve --demo“ das Vorführbeispiel.",
        "The graph holds no records yet. “kgservice load examples/cfpb” brings real ones, "
        "“kgservice serve --demo” the demonstration.",
    ),
    "records-by-class": ("Datensätze nach Klasse", "Records by class"),
    "more-classes": ("Alle Klassen mit Datensätzen", "All classes that have records"),
    "class": ("Klasse", "Class"),
    "count": ("Anzahl", "Number"),
    "graphs": ("Graphen", "Graphs"),
    "graph-kind": ("Art", "Kind"),
    "statements": ("Aussagen", "Statements"),
    "kind-project": ("Projekte (ohne Personenbezug)", "Projects (nothing about persons)"),
    "kind-subject": ("Betroffene Personen", "Data subjects"),
    "kind-consent": ("Einwilligungen", "Consents"),
    "kind-model": ("Ontologie und Begriffe", "Ontology and vocabulary"),
    "kind-provenance": ("Herkunft", "Provenance"),
    "kind-finding": ("Befunde der Prüfung", "Validation findings"),
    "kind-quality": ("Messungen der Datenqualität", "Data quality measurements"),
    "kind-view": ("Sichten (abgeleitet)", "Views (derived)"),
    "kind-other": ("Eigene Ablagen", "Scratch graphs"),
    "last-commit": ("Letzte Änderung", "Last commit"),
    "commit-none": ("noch keine", "none yet"),
    "traces": ("Vom Pain Point zur Wirkung", "From pain point to impact"),
    "traces-intro": (
        "Jede Kette zeigt, was belegt ist: wo ein Pain Point auftrat, was getan wurde und was folgte.",
        "Each chain shows what is evidenced: where a pain point surfaced, what was done and what came of it.",
    ),
    "questions-intro": (
        "Gespeicherte Fragen an den Graphen. Antworten gibt es als Tabelle, CSV und JSON.",
        "Saved questions to the graph. The answers come as a table, as CSV and as JSON.",
    ),
    "ask": ("Fragen", "Ask"),
    "parameters": ("Angaben", "Parameters"),
    "required": ("nötig", "required"),
    "all": ("alle", "all"),
    "yes": ("ja", "yes"),
    "no": ("nein", "no"),
    "answer": ("Antwort", "Answer"),
    "suppressed": (
        "Zellen sind verdeckt: Sie zählen weniger Personen oder deren Datensätze, oder aus ihnen ließen sich "
        "solche berechnen.",
        "cells are hidden: they count fewer persons or records of persons, or such follow from them.",
    ),
    "not-for-your-role": (
        "zeigt einzelne Personen, was Ihre Rolle nicht erlaubt",
        "shows single persons, which your role may not see",
    ),
    "needs-everything": ("braucht die Sicht auf alles", "needs the view of everything"),
    "rows": ("Zeilen", "rows"),
    "row": ("Zeile", "row"),
    "rows-shown": ("gezeigt sind die ersten", "shown are the first"),
    "no-rows": ("Keine Treffer.", "No rows."),
    "as-csv": ("als CSV", "as CSV"),
    "as-json": ("als JSON", "as JSON"),
    "as-jsonld": ("als JSON-LD", "as JSON-LD"),
    "query-text": ("SPARQL der Frage", "SPARQL of the question"),
    "your-query": ("Abfrage", "Query"),
    "run": ("Ausführen", "Run"),
    "sparql-intro": (
        "Abfragen auf alle Aussagen des Graphen. Programme fragen unter /sparql.",
        "Queries on all statements of the graph. Programs ask at /sparql.",
    ),
    "too-large": (
        "Die Antwort ist zu groß für diese Seite; sie ist als Datei zu haben.",
        "The answer is too large for this page; take it as a file.",
    ),
    "trace": ("Kette", "Chain"),
    "grounds": ("Touchpoints und Belege", "Touchpoints and evidence"),
    "proofs": ("Belege und Lehren", "Evidence and lessons"),
    "pain-point": ("Pain Points", "Pain points"),
    "solution": ("Lösungen", "Solutions"),
    "impact": ("Wirkungen", "Impacts"),
    "none-solution": ("noch keine Lösung", "no solution yet"),
    "none-impact": ("noch keine gemessene Wirkung", "no measured impact yet"),
    "more": ("weitere", "more"),
    "as-text": ("Die ganze Kette als Text", "The whole chain as text"),
    "link-picture": ("Gewichte einer Verknüpfung", "Weights of a link"),
    "link-bits": (
        "In Bit, wofür positive sprechen und wogegen negative",
        "In bits, positive for and negative against it",
    ),
    "link-prior": ("Ausgangslage", "Prior"),
    "link-sum": ("Zusammen", "Together"),
    "picture-of": (
        "Kette von Belegen über Pain Points und Lösungen zu Wirkungen",
        "Chain from evidence to impact",
    ),
    "layer-touchpoints": ("Touchpoints", "Touchpoints"),
    "layer-evidence": ("Belege", "Evidence"),
    "layer-painPoints": ("Pain Points", "Pain points"),
    "layer-inputs": (
        "Einsichten, Ideen, Anforderungen, Konzepte, Prototypen",
        "Insights, ideas, requirements, …",
    ),
    "layer-solutions": ("Lösungen", "Solutions"),
    "layer-releases": ("Releases", "Releases"),
    "layer-impacts": ("Wirkungen", "Impacts"),
    "layer-lessons": ("Lehren", "Lessons learned"),
    "columns": ("Was die Spalten bedeuten", "What the columns mean"),
    "record": ("Datensatz", "Record"),
    "property": ("Eigenschaft", "Property"),
    "value": ("Wert", "Value"),
    "says": ("Was er sagt", "What it says"),
    "said-of": ("Was auf ihn verweist", "What refers to it"),
    "show-trace": ("Kette zeigen", "Show the chain"),
    "error": ("Das ging nicht", "That did not work"),
    "line": ("Zeile", "line"),
    "column": ("Spalte", "column"),
    "subject-access": ("Ihre Daten bei uns", "Your data with us"),
    "subject-as-of": ("Stand", "As of"),
    "subject-intro": (
        "Alles, was über Sie gespeichert ist (Auskunft nach Art. 15 DSGVO): wofür, wie lange und für wen, "
        "dann jeder Datensatz mit seiner Herkunft.",
        "Everything that is kept about you (access under Art. 15 GDPR): what for, how long and for whom, "
        "then each record with where it came from.",
    ),
    "subject-consent": ("Einwilligung", "Consent"),
    "subject-request": ("Antrag", "Request"),
    "subject-received": ("eingegangen", "received"),
    "subject-due": ("zu beantworten bis", "due"),
    "subject-answered": ("beantwortet", "answered"),
    "subject-restriction": ("Eingeschränkt seit", "Restricted since"),
    "subject-rights": (
        "Sie können Ihre Daten berichtigen, löschen, einschränken und sich aushändigen lassen, der "
        "Verarbeitung widersprechen, Einwilligungen widerrufen und sich bei einer Aufsichtsbehörde "
        "beschweren.",
        "You may have your data corrected, erased, restricted and handed to you, object to the processing, "
        "withdraw consents, and complain to a supervisory authority.",
    ),
    "right-access": ("Auskunft", "access"),
    "right-rectification": ("Berichtigung", "rectification"),
    "right-erasure": ("Löschung", "erasure"),
    "right-restriction": ("Einschränkung", "restriction"),
    "right-portability": ("Übertragung", "portability"),
    "right-objection": ("Widerspruch", "objection"),
    "right-None": ("Antrag", "request"),
    "consent-receipt": ("Beleg über Ihre Einwilligung", "Receipt of your consent"),
    "consent-number": ("Nummer", "Number"),
    "consent-in-force": ("Die Einwilligung gilt.", "The consent is in force."),
    "consent-never-given": ("Die Einwilligung wurde nicht erteilt.", "The consent was not given."),
    "consent-refused": ("Die Einwilligung wurde verweigert.", "The consent was refused."),
    "consent-withdrawn": ("Die Einwilligung ist widerrufen.", "The consent is withdrawn."),
    "consent-expired": ("Die Einwilligung ist abgelaufen.", "The consent has expired."),
    "consent-invalidated": (
        "Die Einwilligung wurde für ungültig erklärt.",
        "The consent was found invalid.",
    ),
    "consent-unclear": (
        "Der Stand der Einwilligung lässt sich nicht bestimmen; sie gilt nicht.",
        "The state of the consent cannot be told; it does not hold.",
    ),
    "consent-endless": (
        "Die Einwilligung nennt kein Ende; sie gilt nicht.",
        "The consent names no end; it does not hold.",
    ),
    "consent-implied": (
        "Die Einwilligung wurde nicht geäußert; sie gilt nicht.",
        "The consent was not expressed; it does not hold.",
    ),
    "consent-purposes": ("Wofür", "What for"),
    "consent-categories": ("Welche Daten", "Which data"),
    "consent-controller": ("Wer verantwortlich ist", "Who is responsible"),
    "consent-recipients": ("Wer die Daten erhält", "Who receives the data"),
    "nobody": ("niemand", "nobody"),
    "consent-storage-place": ("Wo sie gespeichert sind", "Where they are stored"),
    "consent-retention": ("Wie viele Tage sie aufbewahrt werden", "For how many days they are kept"),
    "consent-jurisdiction": ("Rechtsraum", "Jurisdiction"),
    "consent-notice": ("Hinweis, der Ihnen vorlag", "Notice that you were given"),
    "consent-expires": ("Gültig bis", "Valid until"),
    "consent-withdrawal-way": ("Wie Sie widerrufen können", "How you can withdraw"),
    "consent-record-schema": ("Aufbau des Nachweises", "Structure of the record"),
    "consent-guardian": ("Zustimmung Sorgeberechtigter", "Authorisation of a guardian"),
    "consent-verified": ("geprüft am", "verified on"),
    "consent-history": ("Verlauf", "History"),
    "consent-event": ("Ereignis", "Event"),
    "consent-time": ("Zeit", "Time"),
    "consent-method": ("Weg", "Way"),
    "consent-by": ("Durch", "By"),
    "by-DataSubject": ("die Person selbst", "the person"),
    "by-ParentOfDataSubject": ("einen Elternteil", "a parent"),
    "by-GuardianOfDataSubject": ("den Vormund", "the guardian"),
    "by-DataController": ("das Unternehmen", "the enterprise"),
    "by-unknown": ("nicht erfasst", "not recorded"),
    "sign-in": ("Anmelden", "Sign in"),
    "sign-in-how": (
        "Dieser Dienst antwortet nur denen, die er kennt. Öffnen Sie den Link, den er beim Start im "
        "Terminal ausgegeben hat, oder fügen Sie hier das Token daraus oder einen API-Schlüssel ein. Nach "
        "einem Neustart gilt ein neues Token.",
        "This service answers only those whom it knows. Open the link that it printed in the terminal at its "
        "start, or paste the token from it or an API key here. After a restart there is a new token.",
    ),
    "sign-in-key": (
        "Dieser Dienst antwortet nur denen, die er kennt. Fügen Sie hier Ihren API-Schlüssel ein; der "
        "Browser behält ihn nicht.",
        "This service answers only those whom it knows. Paste your API key here; the browser does "
        "not keep it.",
    ),
    "sign-in-wrong": (
        "Damit lässt der Dienst niemanden ein: falsch, abgelaufen oder widerrufen.",
        "The service lets nobody in with that: it is mistyped, expired or revoked.",
    ),
    "sign-out": ("Abmelden", "Sign out"),
    "token": ("Token oder API-Schlüssel", "Token or API key"),
    "open": ("Öffnen", "Open"),
    "api-sparql": ("SPARQL 1.1 Protocol: Abfragen", "SPARQL 1.1 Protocol: queries"),
    "api-graphs": ("Graph Store Protocol: Graphen", "Graph Store Protocol: graphs"),
    "api-queries": ("Gespeicherte Fragen als Liste", "Saved questions as a list"),
    "api-openapi": ("Beschreibung der Schnittstelle (OpenAPI)", "Description of the interface (OpenAPI)"),
}

_GROUPS: dict[str, tuple[str, str]] = {
    "search": ("Suche", "Search"),
    "tracing": ("Nachverfolgung", "Tracing"),
    "journey": ("Journey und Phasen", "Journey and phases"),
    "methods": ("Methoden und Aufwand", "Methods and effort"),
    "segmentation": ("Segmente und Bedürfnisse", "Segments and needs"),
    "consent": ("Einwilligung und Datenschutz", "Consent and privacy"),
    "quality": ("Datenqualität", "Data quality"),
    "crm": ("CRM", "CRM"),
    "provenance": ("Herkunft und Zeit", "Provenance and time"),
    "complaints": ("Beschwerden (CFPB)", "Complaints (CFPB)"),
}


def group_name(group: str, language: str) -> str:
    """The name of a group of questions; its folder's name for an unknown one."""
    return _GROUPS[group][LANGUAGES.index(language)] if group in _GROUPS else group


def text(key: str, language: str) -> str:
    """The words for `key` in `language` (`de` or `en`).

    >>> text("impact", "en")
    'Impacts'
    """
    return TEXTS[key][LANGUAGES.index(language)]


def preferred(accept: str | None, otherwise: str) -> str:
    """The language of ours that an `Accept-Language` header likes best, else `otherwise`.

    >>> preferred("fr, en-GB;q=0.8, de;q=0.5", "de")
    'en'
    >>> preferred("de;q=nan, en;q=0.5", "de"), preferred("de;q=7, en;q=0.5", "de")
    ('en', 'en')
    """
    liked: dict[str, float] = {}
    for item in (accept or "").split(","):
        tag, _, weight = item.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if not 0 <= quality <= 1:
            continue
        language = tag.partition("-")[0].lower()
        if language in LANGUAGES:
            liked[language] = max(quality, liked.get(language, 0))
    best = max(liked, key=lambda language: liked[language], default=otherwise)
    return best if liked.get(best, 1) > 0 else otherwise
