"""The German words that are not used, since each thing has one word: the ontology has them as other labels."""

OTHER_WORDS = (
    r"Schmerzpunkt|Kontaktpunkt|Berührungspunkt|\bReisen?\b|[Kk]undenreise|Kennzahl|\bMetrik|Ausgangswert|"
    r"Gefühle?\b|Gefühls|Einsicht(en)?\b|Kundenaufgabe|Grabstein|Kundenwand|Segmentwand|Kundensegment\b|"
    r"\bVerzicht\b|[Aa]usgeliefert(e|en|er)? Lösung"
)
