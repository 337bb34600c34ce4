"""What the tests of consents, rights and tickets share: a person of the demonstration, and what is refused."""

from __future__ import annotations

from typing import Any

IDS = "https://kg.example/id/"
PERSON = "00000000-0000-4000-8000-100700000005"


def refused(answer: Any) -> tuple[int, str | None, str]:
    """The status, the source and the sentence of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    return answer.status_code, problem.get("source"), problem["detail"]
