"""What is done by a request or a command, in the words of the audit log: one table for both."""

from __future__ import annotations

from kgservice.domain.audit import Action

# By the area, which is the first part of the address of a request; where it is only read, too.
_ALWAYS = {
    "audit": Action.AUDIT,
    "consents": Action.CONSENT,
    "decisions": Action.CONSENT,
    "requests": Action.RIGHT,
    "subjects": Action.RIGHT,
}
_CHANGES = {
    "keys": Action.KEY,
    "sign-in": Action.SIGN_IN,
    "sign-out": Action.SIGN_IN,
}


def action_of(area: str, *, reads: bool, everything: bool, denied: bool = False) -> Action:
    """What is done in an area: it is only read (`everything`: the view of everything), or changed.

    >>> action_of("sparql", reads=True, everything=False), action_of("subjects", reads=True, everything=False)
    (<Action.READ: 'read'>, <Action.RIGHT: 'right'>)
    """
    if denied:
        return Action.DENIED
    if area in _ALWAYS:
        return _ALWAYS[area]
    if reads:
        return Action.EVERYTHING if everything else Action.READ
    return _CHANGES.get(area, Action.CHANGE)
