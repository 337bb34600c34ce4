"""The file of refused rows: as they stand in their table, to be mended and loaded."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

from kgservice.application.imports.mapping import TableMapping
from kgservice.tabular.csv_records import encoding_of, is_wide, records


def write_rejects(target: Path, path: Path, mapping: TableMapping, faults: Mapping[int, str]) -> None:
    """Write the refused records as they stand in the file, in its encoding, after their line and the reason.

    The two columns in front are not in the schema, so that a mended file can be loaded as it is. The file is
    for nobody else, since the rows may be about persons.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # one that was made before may be open to others
    dialect = mapping.dialect
    encoding = encoding_of(path, dialect.encoding)
    errors = "strict" if is_wide(encoding) else "surrogateescape"
    opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "w", encoding=encoding, errors=errors, newline="") as out:
        writer = csv.writer(
            out, delimiter=dialect.delimiter, quotechar=dialect.quote, lineterminator=dialect.delimiter
        )
        header = True
        for record in records(path, dialect):
            if header or record.line in faults:
                reason = "rejected_reason" if header else faults[record.line]
                # A reason may have characters that the encoding of the file has not.
                reason = reason.encode(encoding, "backslashreplace").decode(encoding)
                writer.writerow(("rejected_line" if header else record.line, reason))
                out.write(f"{record.raw}\r\n")
            header = False
