"""German given names and the short or other forms they go by."""

from __future__ import annotations

import duckdb

# One line for each name: forms that people use for one another, in the spelling that is compared (`spelled`).
_FORMS = """
johannes johann hans hannes
josef joseph sepp josi
alexander alex sascha
alexandra sandra
andreas andi
anna anne anni anneliese annelise
antonia toni antonius anton
barbara babsi barbel
benjamin ben
bernhard bernd bernard
brigitte gitte birgit
catharina katharina kathrin katrin katja kathe
christian chris christoph christof
christina christine kristina tina christiane
daniel dani
dieter dietrich dietmar
dorothea dorothee dora thea
eberhard hardy
elisabeth elsa else lisa liesel sissi elisabet elise
ferdinand ferdi
florian flo
franz francis
franziska franzi
friedrich fritz frederick
gabriele gabi gaby gabriela
gerhard gerd gert
gertrud trude gertrude
gunther gunter
heinrich heinz heiner
helene leni helena
herbert bert
hubert hubertus
ingeborg inge
jakob jacob
joachim jochen achim
jurgen jorg georg schorsch
karl carl
karsten carsten
klaus nikolaus claus nils nico niko
konrad conrad kurt curt
lukas lucas
ludwig lutz
magdalena lena magda
manfred manni
margarete gretel grete margarethe margret margit greta
maria marie mia
martin marten
matthias mathias matze
maximilian max
michal mike micha michel
monika moni
paul paulus
peter petrus
philipp philip filip phil
raphal rafal
reinhard reiner rainer rainer
richard richi
robert rob robin bob
rosemarie rosi rosa
rudolf rudi rolf
sebastian basti bastian
sofie sophie sofia sophia
stefan stephan steffen
stefanie stephanie steffi
susanne susi susanna
thomas tom tomas
theodor theo
tobias tobi
ulrich uli ulli
ursula uschi ulla
valentin valtin
viktor victor
walter walther
werner wernher
wilhelm willi willy wil
wolfgang wolf
"""
TABLE: dict[str, str] = {
    form: line.split()[0] for line in _FORMS.split("\n") if line for form in line.split()
}


def define(db: duckdb.DuckDBPyConnection) -> None:
    """Make the table `nicknames` (form, root) in a connection."""
    db.execute("CREATE OR REPLACE TEMP TABLE nicknames(form VARCHAR PRIMARY KEY, root VARCHAR)")
    db.execute(
        "INSERT INTO nicknames SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[])",
        [list(TABLE), list(TABLE.values())],
    )
