"""Queries are parsed in several threads at once, in a process that has not parsed any."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys, threading
sys.setswitchinterval(1e-6)
from kgservice.shacl.parsing import parsed

failed, start = [], threading.Barrier(8)

def work():
    start.wait()
    try:
        parsed("SELECT ?x WHERE { ?x a <urn:c> ; <urn:p>/<urn:q>* ?y OPTIONAL { ?y <urn:r> ?z } FILTER(?z > 1) }")
    except TypeError as error:
        failed.append(error)

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(len(failed))
"""


def test_threads_may_parse_at_the_same_time() -> None:
    for _ in range(3):
        subprocess.run([sys.executable, "-c", _SCRIPT], check=True, timeout=120)
