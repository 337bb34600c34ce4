"""`kgservice export`, `docs` and `version`: what leaves the graph, and what the program says of itself."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from kgservice import __version__
from kgservice.cli.answers import graph_format, put_json, say
from kgservice.cli.backend import connected
from kgservice.cli.options import (
    JsonOption,
    PurposeOption,
    StoreOption,
    TokenOption,
    UrlOption,
    given_path,
    purpose_iri,
    settings_for,
    unicode_text,
)
from kgservice.errors import BadParameter
from kgservice.phrases import noun
from kgservice.store.formats import N_QUADS, TURTLE, Format, graph_format_of

docs = typer.Typer(no_args_is_help=True, help="Documentation made from the package.")


def export(
    graph: Annotated[str | None, typer.Option(help="IRI of one graph; none: the whole dataset.")] = None,
    fmt: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="turtle, ntriples, rdfxml, jsonld, trig or nquads. [default: by the "
            "file's name, else nquads, for one graph or a purpose turtle]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", parser=given_path, metavar="FILE"),
    ] = None,
    views: Annotated[
        bool, typer.Option("--views", help="With the views, which whoever loads the export makes anew.")
    ] = False,
    purpose: PurposeOption = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Write one graph, the whole dataset without what can be derived, or the view of a purpose, as RDF.

    `--json` is short for `--format jsonld`.

    Examples:

      kgservice export -o backup.nq

      kgservice export --graph https://kg.example/graph/ontology

      kgservice export --purpose dpv:Marketing -o marketing.ttl
    """
    if graph is not None:
        unicode_text(graph, "--graph")
        if purpose is not None:
            raise BadParameter("for a purpose there is one graph, its view; name no other", source="--graph")
    if views and (graph is not None or purpose is not None):
        raise BadParameter("one graph comes without views", source="--views")
    one_graph = graph is not None or purpose is not None
    chosen = _format("jsonld" if as_json else fmt, output, one_graph=one_graph)
    stated, settings = purpose_iri(purpose), settings_for(store, token)
    with connected(settings, url, purpose=stated) as backend, sink(output) as out:
        backend.export(graph, chosen, out, views=views)
    if output:
        say(f"{output.stat().st_size} bytes in {output}" if output.is_file() else f"Written to {output}")


@docs.command("ontology")
def docs_ontology(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Directory to write to.", parser=given_path, metavar="DIRECTORY"),
    ] = Path("ontology-docs"),
    as_json: JsonOption = False,
) -> None:
    """Render the ontology as HTML pages (needs `pip install kgservice[docs]`).

    Example: kgservice docs ontology -o site/ontology
    """
    from kgservice.application.protocol.ontology_docs import render  # noqa: PLC0415  (needs an optional dependency)

    pages = render(output)
    if as_json:
        put_json({"pages": [str(page) for page in pages]})
    else:
        say(f"{len(pages)} {noun(len(pages), 'page|pages')} in {output}")


def version(as_json: JsonOption = False) -> None:
    """Print the version of the program and of what it stands on.

    Example: kgservice version --json
    """
    names = ("pyoxigraph", "rdflib", "pyshacl", "duckdb", "fastapi")
    versions = {
        "kgservice": __version__,
        "python": platform.python_version(),
        **{n: version_of(n) for n in names},
    }
    with suppress(PackageNotFoundError):  # the accelerator of the guard
        versions["shacl"] = version_of("shacl")
    if as_json:
        put_json(versions)
    else:
        typer.echo("\n".join(f"{name} {number}" for name, number in versions.items()))


def _format(name: str | None, output: Path | None, *, one_graph: bool) -> Format:
    if name is not None:
        return graph_format(name)
    by_name = graph_format_of(output) if output else None
    return by_name or (TURTLE if one_graph else N_QUADS)


@contextmanager
def sink(output: Path | None) -> Iterator[BinaryIO]:
    """The file to write, put in place only when it is whole; or standard output.

    What is there and is no regular file (a device, a named pipe) is written to and stays what it is;
    a symbolic link stays, and the file that it leads to is written.
    """
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    output = output.resolve()
    if output.exists() and not output.is_file():
        with output.open("wb") as out:
            yield out
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as out:
            yield out
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
