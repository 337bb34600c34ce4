"""The packages that sources of customers and the matching need, which not every installation has."""

from __future__ import annotations

from importlib.util import find_spec

from kgservice.crm.spark import java
from kgservice.errors import BadInput

NEEDED = ("dlt", "openpyxl", "pyarrow", "simple_salesforce", "sqlalchemy")
_MATCHING = ("numpy", "phonenumbers", "pyarrow", "splink", "stdnum")


def check() -> None:
    """Raise `BadInput` that says what to install when packages are missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise BadInput(
            "sources need packages that are not there ({missing}): pip install 'kgservice[crm]'",
            missing=", ".join(missing),
        )


def check_matching() -> None:
    """The same for the matching."""
    missing = [name for name in _MATCHING if find_spec(name) is None]
    if missing:
        raise BadInput(
            "matching needs packages that are not there ({missing}): pip install 'kgservice[crm]'",
            missing=", ".join(missing),
        )


def check_spark() -> None:
    """The same for Spark, and for the Java that it runs on."""
    if find_spec("pyspark") is None:
        raise BadInput("KGSERVICE_MATCHING_ENGINE=spark needs pyspark: pip install 'kgservice[spark]'")
    if java() is None:
        raise BadInput("KGSERVICE_MATCHING_ENGINE=spark needs Java 17 or newer, on the path or as JAVA_HOME")
