"""A Tryton of the tests' own, on this machine with SQLite: made as the tutorial says, filled by its API."""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.prepared import made_once

PASSWORD = "tutorial-2026"
ACTIVATED = "trytond-admin"
BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]


class Tryton:
    """A server, and one who is logged in to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._web = httpx.Client(base_url=f"{url}crm/rpc/", timeout=60)
        number, session, *_ = self._rpc("common.db.login", "admin", {"password": PASSWORD})
        token = base64.b64encode(f"admin:{number}:{session}".encode()).decode()
        self._web.headers["Authorization"] = f"Session {token}"

    def call(self, method: str, *params: Any, **context: Any) -> Any:
        """What a method of a model answers."""
        return self._rpc(f"model.{method}", *params, context)

    def close(self) -> None:
        self._web.close()

    def _rpc(self, method: str, *params: Any) -> Any:
        answer = (
            self._web.post("", json={"id": 1, "method": method, "params": params}).raise_for_status().json()
        )
        assert "error" not in answer, answer["error"]
        return answer["result"]


def tutorial() -> list[tuple[str, list[str]]]:
    """The commands of the tutorial, each with the lines that it says below."""
    text = (ROOT / "docs" / "tutorial-crm.md").read_text(encoding="utf-8")
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                found[-1][1].append(line)
    return found


def _database(folder: Path) -> None:
    """Make a database with the modules party and sale_opportunity, which takes most of a minute."""
    folder.mkdir()
    commands = [command for command, _ in tutorial()]
    (activating,) = (number for number, command in enumerate(commands) if ACTIVATED in command)
    first = commands.index("mkdir tryton")
    subprocess.run(
        ["bash", "-ec", "\n".join(commands[first : activating + 1])],
        check=True, capture_output=True, cwd=folder, timeout=300,
        env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
    )  # fmt: skip


def database_made_once(factory: pytest.TempPathFactory) -> Path:
    """The folder `tryton` as the tutorial's commands make it, up to the one that activates the modules."""
    return made_once(factory, "tryton", _database) / "tryton"


@contextmanager
def tryton(factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    """Serve a database of its own with the modules party and sale_opportunity until the end of the block."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    folder = database_made_once(factory)
    config = folder / "served.conf"
    config.write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = 127.0.0.1:{port}\n",
        encoding="utf-8",
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([BIN / "trytond", "-c", config, "-d", "crm"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        client = None
        while client is None:
            assert server.poll() is None, (folder / "log").read_text()
            try:
                client = Tryton(f"http://127.0.0.1:{port}/")
            except httpx.TransportError:
                assert time.monotonic() < deadline, (folder / "log").read_text()
        yield client
        client.close()
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(folder)


def fill(crm: Tryton, parties: int) -> list[int]:
    """Make a company, `parties` parties with ways to reach them, and an opportunity of every fourth."""
    (euro,) = crm.call("currency.currency.create", [{"name": "Euro", "code": "EUR", "symbol": "€"}])
    (owner,) = crm.call("party.party.create", [{"name": "Eigene Firma GmbH"}])
    (company,) = crm.call("company.company.create", [{"party": owner, "currency": euro}])
    crm.call("res.user.write", [1], {"companies": [["add", [company]]], "company": company})
    (german,) = crm.call("ir.lang.search", [["code", "=", "de"]], 0, None, None)
    made = crm.call(
        "party.party.create",
        [
            {
                "name": f"Pumpenbau {n} GmbH" if n % 5 == 0 else f"Jörg Müller {n}",
                "lang": german,
                "contact_mechanisms": [["create", [
                    {"type": "email", "value": f"kontakt{n}@example.org"},
                    {"type": "phone", "value": f"+49 351 {5550000 + n}"},
                ]]],
                "addresses": [["create", [{"street_unstructured": f"Königstraße {n}", "postal_code": "01097", "city": "Dresden"}]]],
            }
            for n in range(parties)
        ],
    )  # fmt: skip
    day = {"__class__": "date", "year": 2026, "month": 4, "day": 1}
    crm.call(
        "sale.opportunity.create",
        [
            {"party": party, "company": company, "description": f"Anlage {n}", "start_date": day,
             "amount": {"__class__": "Decimal", "decimal": f"{1000 + n}.50"}}
            for n, party in enumerate(made[::4])
        ],
        company=company,
    )  # fmt: skip
    return list(made)
