"""`keys` as a user meets it, and a service that others than this machine may ask."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from kgservice.cli.runtime import note_of
from kgservice.store.keys import keys_of
from tests.cli.commands import COMMAND, Run, environment


def test_a_key_is_shown_once(run: Run, tmp_path: Path) -> None:
    done = run(
        "keys", "create", "--name", "notebook", "--role", "reader", "--role", "editor",
        "--purpose", "dpv:ResearchAndDevelopment", "--expires", "2w", "--store", "s",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    key = done.stdout.strip()
    assert key.startswith("kgs_")
    assert len(key.split()) == 1
    listed = run("keys", "list", "--store", "s", "--json").stdout
    assert key[13:] not in listed
    (found,) = json.loads(listed)
    assert found["prefix"] == key[4:12]
    assert (found["state"], found["name"], found["roles"]) == ("valid", "notebook", ["editor", "reader"])
    assert found["purposes"] == ["https://w3id.org/dpv#ResearchAndDevelopment"]
    ends = datetime.fromisoformat(found["expires"]) - datetime.now(UTC)
    assert timedelta(days=13, hours=23) < ends <= timedelta(days=14)
    table = run("keys", "list", "--store", "s").stdout
    assert key[4:12] in table
    assert "notebook" in table
    assert keys_of(tmp_path / "s").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "s").exists()  # no store is made


def test_revoking(run: Run) -> None:
    made = json.loads(run("keys", "create", "--name", "x", "--role", "steward", "--json").stdout)
    assert made["key"][4:12] == made["prefix"]
    assert run("keys", "revoke", made["prefix"]).returncode == 0
    assert json.loads(run("keys", "list", "--json").stdout)[0]["state"] == "revoked"
    again = json.loads(run("keys", "revoke", made["prefix"], "--json").stdout)
    assert again["state"] == "revoked"
    assert run("keys", "revoke", "ffffffff").returncode == 4


def test_nothing_to_list(run: Run) -> None:
    assert run("keys", "list", "--json").stdout == "[]\n"
    assert run("keys", "revoke", "ffffffff").returncode == 4


@pytest.mark.parametrize(
    "wrong",
    [
        ["--expires", "yesterday"],
        ["--expires", "2001-01-01"],
        ["--expires", "0d"],
        ["--expires", "-3d"],
        ["--expires", "99999w", "--expires", "9999999d"],
        ["--purpose", "dpv:Marketing"],
        ["--purpose", "nonsense"],
        ["--purpose", "dpv:ResearchAndDevelopment", "--default", "dpv:ServicePersonalisation"],
        ["--role", "boss"],
        ["--name", ""],
        ["--name", "a\nb"],
    ],
    ids=" ".join,
)
def test_options_that_cannot_be_used(run: Run, tmp_path: Path, wrong: list[str]) -> None:
    done = run("keys", "create", "--name", "x", "--role", "reader", *wrong)
    assert done.returncode == 2
    assert not (tmp_path / "data").exists()


def test_a_key_that_can_read_nothing_is_told_of(run: Run, tmp_path: Path) -> None:
    for role in ("reader", "researcher", "editor"):
        done = run("keys", "create", "--name", "x", "--role", role, "--json", "--store", tmp_path / "s")
        assert (done.returncode, "need a purpose" in done.stderr) == (0, True)
    for more in (["--role", "steward"], ["--role", "reader", "--purpose", "dpv:ResearchAndDevelopment"]):
        done = run("keys", "create", "--name", "x", *more, "--store", tmp_path / "s")
        assert (done.returncode, "need a purpose" in done.stderr) == (0, False)


def test_a_key_needs_a_role(run: Run) -> None:
    assert run("keys", "create", "--name", "x").returncode == 2


def test_a_file_that_is_no_file_of_keys(run: Run, tmp_path: Path) -> None:
    keys_of(tmp_path / "s").write_text("nothing of the kind" * 100)
    for command in (["list"], ["create", "--name", "x", "--role", "reader"], ["revoke", "ffffffff"]):
        done = run("keys", *command, "--store", "s", "--json")
        assert done.returncode == 6
        assert json.loads(done.stderr)["type"] == "/problems/store-failure"


@pytest.mark.parametrize("how", [["--host", "0.0.0.0"], ["KGSERVICE_HOSTS=kg.example"]], ids=str)
def test_others_are_not_served_when_nobody_can_sign_in(run: Run, how: list[str]) -> None:
    env = dict(pair.split("=") for pair in how if "=" in pair)
    options = [] if env else how
    done = run("serve", "--port", "0", "--store", "s", *options, **env)
    assert done.returncode == 3
    assert "kgservice keys create" in done.stderr


@pytest.mark.slow
def test_a_service_in_a_network(run: Run, empty_store: Path) -> None:
    store = empty_store
    key = run("keys", "create", "--name", "x", "--role", "researcher", "--store", store).stdout.strip()
    command = [*COMMAND, "serve", "--store", str(store), "--port", "0", "--host", "0.0.0.0"]
    env = environment(KGSERVICE_TOKEN="a-token-that-somebody-chose", KGSERVICE_HOSTS="kg.example")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
    ) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert "token" not in ready
            port = int(ready.rstrip().rstrip("/").rpartition(":")[2])
            url = f"http://127.0.0.1:{port}"

            def ask(token: str, **headers: str) -> int:
                given = {"Authorization": f"Bearer {token}", **headers}
                return httpx.get(f"{url}/queries", headers=given, trust_env=False).status_code

            assert ask(key) == 200
            assert ask(key, Host="kg.example") == 200
            assert ask(key, Host="evil.example") == 403
            assert ask("a-token-that-somebody-chose") == 401
            note = json.loads(note_of(store).read_text())
            assert note["url"] == url
            assert note["token"] != "a-token-that-somebody-chose"
            # Commands on this machine work through it, and with a key from elsewhere.
            assert run("query", "ASK {}", "--store", store).stdout == "yes\n"
            by_key = run("ask", "--url", url, "--token", key, "--json")
            assert by_key.returncode == 0
            refused = run("export", "--url", url, "--token", key)
            assert refused.returncode == 3
            assert "administrator" in refused.stderr
            # A key that is made or revoked while it runs.
            other = run("keys", "create", "--name", "y", "--role", "reader", "--store", store).stdout.strip()
            assert ask(other) == 200
            assert run("keys", "revoke", key[4:12], "--store", store).returncode == 0
            assert ask(key) == 401
            assert ask(other) == 200
        finally:
            process.terminate()
            assert process.wait(30) in {0, -15}
    assert not note_of(store).exists()
    assert keys_of(store).stat().st_mode & 0o777 == 0o600
