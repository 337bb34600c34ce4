"""The service as a process of its own, as `kgservice serve` makes it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(store: Path, *options: str) -> Iterator[tuple[str, str]]:
    """A service on a store, on a free port: its address without a slash at the end, and its token."""
    program = Path(sys.executable).with_name("kgservice")
    command = [str(program), "serve", "--store", str(store), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            found = re.search(r"(http://\S+)/\?ticket=\S+\nToken for .*: (\S+)\n", said)
            if found:
                yield found[1], found[2]
                return
        raise RuntimeError(f"the service did not start: {said}")
    finally:
        process.terminate()
        process.wait(60)
