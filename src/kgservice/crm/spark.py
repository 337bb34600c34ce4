"""Scoring on Spark: DuckDB normalises and blocks, a process of its own on this machine compares.

All that Spark and its Java write lies in one folder, and nothing of another Spark's settings reaches them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, TypeAlias

from kgservice.crm.work import working
from kgservice.errors import SourceFailed

if TYPE_CHECKING:
    from kgservice.crm.matching import Matching
    from kgservice.crm.models import MatchModel

Score: TypeAlias = "Callable[[Matching, MatchModel, float], object]"
"""Scores the blocked pairs of at least that probability into `matching_scored`, as `Matching.score` does."""
DONE = "scored"
"""The line that answers; Java may write others there."""
OF_JAVA = "-XX:-UsePerfData"  # else it writes into the folder of the machine
_KEPT = ("PATH", "JAVA_HOME", "LD_LIBRARY_PATH", "HOME", "TZ")
_LOG = "log"
_QUIET = """rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %m%n
"""


def java() -> str | None:
    """The Java that Spark takes: that of `JAVA_HOME`, else that of the path; None if there is none."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which(str(Path(home, "bin", "java")) if home else "java")


@contextmanager
def scoring(folder: Path) -> Iterator[Score]:
    """What scores on Spark, which starts with the first pairs and ends with the block.

    What it writes is in a folder within `folder`, and goes with it. Raises `SourceFailed` when Spark does not
    start, or breaks off.
    """
    with ExitStack() as ending:

        @cache
        def started() -> _Spark:
            return ending.enter_context(_started(ending.enter_context(working(folder))))

        yield lambda matching, model, least: started().score(matching, model, least)


class _Spark:
    """A process with Spark that answers in lines what it is asked in lines."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder

    def score(self, matching: Matching, model: MatchModel, least: float) -> None:
        """Hand it the tables as Parquet, and read what it has scored."""
        work = Path(mkdtemp(dir=self._folder))
        for name in ("blocked", "records") if matching.within else ("blocked", "records", "customers"):
            matching.db.sql(f"FROM matching_{name}").write_parquet(str(work / f"{name}.parquet"))
        asked = {"folder": str(work), "model": model.to_json(), "within": matching.within, "least": least}
        self._ask(json.dumps(asked))
        matching.db.execute("DROP TABLE IF EXISTS matching_scored")
        matching.db.read_parquet(f"{work}/scored/*.parquet").create("matching_scored")
        shutil.rmtree(work)

    def _ask(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended already, and does not answer, either
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        if DONE not in map(str.strip, self._process.stdout):
            said, _, _ = (
                (self._folder / _LOG).read_text(encoding="utf-8", errors="replace").partition("\n\tat ")
            )
            raise SourceFailed(
                "Spark failed: {error}", error=said.strip().rpartition("\n")[2], source="Spark"
            )


@contextmanager
def _started(folder: Path) -> Iterator[_Spark]:
    (folder / "log4j2.properties").write_text(_QUIET, encoding="utf-8")
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    here = {
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "TMPDIR": str(folder),
        "SPARK_CONF_DIR": str(folder),
        "JAVA_TOOL_OPTIONS": f"{OF_JAVA} -Djava.io.tmpdir={folder}",
    }
    with (folder / _LOG).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "kgservice.crm.spark_process", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env=kept | here,
            start_new_session=True,
        )
    with process:
        try:
            yield _Spark(process, folder)
        finally:
            # Java, too, which would write until it has ended; the end of the output is the end of both.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
