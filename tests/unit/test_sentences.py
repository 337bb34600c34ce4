"""Every phrase that an error can show on a page is known in German, with the same places for values."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import pytest

import kgservice
from kgservice import errors
from kgservice.domain import crm_run
from kgservice.domain.crm_run import RunState
from kgservice.domain.decision import Reason
from kgservice.domain.maintenance import JobState, Work
from kgservice.domain.rights import Right
from kgservice.engine.jobs import Why
from kgservice.web.sentences import german, neutral

ROOT = Path(kgservice.__file__).parent
KINDS = {"Phrase", "CallRefused"} | {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.KgError)
}
SHOWN = (
    "application",
    "cli",
    "crm",
    "domain",
    "engine",
    "http",
    "tabular",
    "store/disk.py",
    "store/keys.py",
    "store/results.py",
    "store/sparql_http.py",
)
"""What raises errors that a page can show, or a command."""
# Functions of these modules that make phrases, and which of their arguments has the words.
MAKERS = {"fault": 1, "bad_setting": 1, "_taken": 2, "_wrong": 2, "broken": 0, "_broken": 0}
WITH_MAKERS = ("crm/", "tabular/", "application/imports/row_graphs.py")
# Files whose errors no page shows, each with its reason.
APART = {
    "application/care/migrating.py": "a command moves a store",
    "application/care/restoring.py": "a command restores a backup",
    "application/graph/erased.py": "a list that cannot be read: for who runs the service",
    "application/guard/packing.py": "made while the package is built",
    "application/protocol/ontology_docs.py": "a command writes pages",
    "domain/backup.py": "a manifest that is no manifest: for who runs the service",
    "domain/question_file.py": "files of questions are read at the start",
    "http/access/oidc.py": "what the settings say of roles is read at the start; a token is only 'not valid'",
    "http/app.py": "settings, read at the start",
    "http/serve.py": "settings, read at the start",
}
# What others say, passed on as it is: English, or a phrase that is checked where it is made.
PASSED_ON = {
    "e.detail",
    "e.msg",
    "str(e)",
    "error.msg",
    "error.detail",
    "header.fault",
    "detail",
    "words",
    "self._fault",
    "otherwise",
    "msg.removesuffix('.')",
    "first['msg']",
    "error.format_message()",
    "os.strerror(error.errno)",
    "said",
    "_summary(refused)",
}
# Values that are phrases by themselves: they come from lists that are closed.
CODES = {
    str(code.value)
    for codes in (RunState, JobState, Work, crm_run.Work, Right, Why, Reason)
    for code in codes
}

MADE = {
    "state.reason",
    "right",
    "run.state.value",
    "one.run.state.value",
    "at_work.work.value",
    "last.work.value",
    "job.why.value",
    "' '.join((f'{{{name}}}' for name in reasons))",
    "error.detail",
    "what",
}
"""Phrases made of codes and of other phrases; and in `MAKERS`, which are checked where they are called."""


@dataclass(frozen=True)
class Said:
    """A phrase in the code: where, its words, and the values that are given with it."""

    place: str
    template: str
    values: frozenset[str]


def files() -> Iterator[Path]:
    for name in SHOWN:
        path = ROOT / name
        yield from [path] if path.suffix else sorted(path.rglob("*.py"))


def phrases() -> Iterator[Said]:
    """All phrases in what a page can show; asserts that each can be read without running the code."""
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        if name in APART:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and (said := words(call, name)) is not None:
                if isinstance(said, ast.Name):
                    said = known.get(said.id, said)
                place = f"{name}:{call.lineno}"
                if isinstance(said, ast.Constant) and isinstance(said.value, str):
                    values = frozenset(keyword.arg or "**" for keyword in call.keywords)
                    yield Said(place, said.value, values)
                elif called(call) == "Phrase":
                    assert ast.unparse(said) in MADE or makes(tree, call), f"{place}: no literal words"
                else:
                    assert ast.unparse(said) in PASSED_ON, f"{place}: {ast.unparse(said)} is no literal"


def called(call: ast.Call) -> str:
    """The name of what is called, if it may be ours: `NotFound`, or `errors.NotFound`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr if ast.unparse(call.func.value) == "errors" else ""
    return getattr(call.func, "id", "")


def words(call: ast.Call, module: str) -> ast.expr | None:
    """The argument of a call that has the words of a phrase, if it makes one."""
    if called(call) in KINDS:
        return call.args[0] if call.args else None
    if not module.startswith(WITH_MAKERS):
        return None
    made = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = MAKERS.get(made)
    return call.args[place] if place is not None and len(call.args) > place else None


def makes(tree: ast.Module, call: ast.Call) -> bool:
    """Whether a call stands in one of the makers, and says what that was given."""
    return any(
        call in ast.walk(one) and ast.unparse(call.args[0]) == one.args.posonlyargs[-1].arg
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef) and one.name in MAKERS and one.args.posonlyargs
    )


SAID = sorted(set(phrases()), key=lambda said: (said.place, said.template))


def places(template: str) -> set[tuple[str, str, str]]:
    """The places for values in a template, and how each is written; nouns differ (see `phrases.filled`)."""
    return {
        (name, conversion or "", "|" if "|" in (spec or "") else spec or "")
        for _, name, spec, conversion in Formatter().parse(template)
        if name is not None
    }


def plain(said: Said) -> bool:
    """Whether a phrase takes no values: then braces in it are braces."""
    return not said.values - {"source", "line", "column", "after", "within", "roles", "purposes"}


def test_all_modules_are_looked_through() -> None:
    assert len(SAID) > 350
    assert set(APART) <= {path.relative_to(ROOT).as_posix() for path in files()}


@pytest.mark.parametrize("said", SAID, ids=lambda said: f"{said.place} {said.template[:40]}")
def test_a_phrase_is_known_in_german(said: Said) -> None:
    if plain(said):
        assert said.template in german()
        return
    assert {name for name, _, _ in places(said.template)} <= said.values
    if not neutral(said.template):
        assert said.template in german()
        assert places(german()[said.template]) == places(said.template)


def test_the_words_of_codes_are_known_in_german() -> None:
    assert german().keys() >= CODES


def test_no_german_phrase_is_left_over() -> None:
    assert german().keys() <= {said.template for said in SAID} | CODES
