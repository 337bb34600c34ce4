"""The query tests of the W3C (SPARQL 1.0 and 1.1), as rdflib 5.0.0 carries them in its source package.

Downloaded once into `.cache`; the licence of the tests is the W3C's. Only queries and data are used: what is
compared are two ways to answer, not the engine with the expected results.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import urllib.request
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "w3c-queries"
_URL = (
    "https://files.pythonhosted.org/packages/2f/ae/"
    "a50934a7ed4f9d80bbc0e0cf725c7fd2208f2e433efbf881ed0c0317a7f1/rdflib-5.0.0.tar.gz"
)
_SHA256 = "78149dd49d385efec3b3adfbd61c87afaf1281c30d3fcaf1b323b34f603fb155"
_INSIDE = "rdflib-5.0.0/test/DAWG/data-"


def folders() -> list[Path]:
    """The folders of the suite: queries (`.rq`), and the data that they are asked of."""
    if not CACHE.exists():
        unfinished = CACHE.with_name(f"{CACHE.name}.{os.getpid()}")
        package = unfinished / "package.tar.gz"
        unfinished.mkdir(parents=True)
        with urllib.request.urlopen(_URL, timeout=300) as source, package.open("wb") as target:
            shutil.copyfileobj(source, target)
        if hashlib.sha256(package.read_bytes()).hexdigest() != _SHA256:
            raise RuntimeError(f"{_URL} is not what it was")
        with tarfile.open(package) as archive:
            wanted = [member for member in archive if member.name.startswith(_INSIDE)]
            archive.extractall(unfinished, wanted, filter="data")
        try:
            (unfinished / "rdflib-5.0.0" / "test" / "DAWG").rename(CACHE)
        except OSError:
            assert CACHE.exists()  # another process was quicker
        shutil.rmtree(unfinished, ignore_errors=True)
    return sorted({path.parent for path in CACHE.rglob("*.rq")})
