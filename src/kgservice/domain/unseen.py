"""What no view of a purpose holds, so that only the view of everything can answer a question about it."""

from __future__ import annotations

import re

# What proves consents, commits, findings and measurements, by their names; and graphs beside the view.
_UNSEEN = re.compile(
    r"\bGRAPH\b"
    r"|\bci:GuardianAuthorisation\b"
    r"|\bci:Consent(?:Record|Event|Requested|Given|Refused|Withdrawn|Expired|Renewed|Invalidated)\b"
    r"|\bci:(?:hasEvent|eventOf|eventTime|guardianAuthorisation|authorisationFor|commitNumber|findingStatus)\b"
    r"|\b(?:sh|dqv):\w"
)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


def needs_everything(query: str) -> bool:
    """Whether the answer of a saved question, by its SPARQL, needs what no view of a purpose holds.

    >>> needs_everything("ASK { ?c a ci:ConsentRecord }")
    True
    >>> needs_everything("# GRAPH\\nASK { ?p a ci:PainPoint }")
    False
    """
    return _UNSEEN.search(_COMMENT.sub("", query)) is not None
