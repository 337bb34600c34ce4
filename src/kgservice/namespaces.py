"""The namespaces the project uses and the one way IRIs of the deployment are formed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache

CI = "https://w3id.org/kgservice/ci#"
DCAT = "http://www.w3.org/ns/dcat#"
DCTERMS = "http://purl.org/dc/terms/"
DPV = "https://w3id.org/dpv#"
DQV = "http://www.w3.org/ns/dqv#"
FOAF = "http://xmlns.com/foaf/0.1/"
KG = "https://w3id.org/kgservice/kg#"
ORG = "http://www.w3.org/ns/org#"
OWL = "http://www.w3.org/2002/07/owl#"
PD = "https://w3id.org/dpv/pd#"
PROV = "http://www.w3.org/ns/prov#"
QB = "http://purl.org/linked-data/cube#"
QUALITY = "https://w3id.org/kgservice/quality#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SCHEMA = "https://schema.org/"
SD = "http://www.w3.org/ns/sparql-service-description#"
SDMX_ATTRIBUTE = "http://purl.org/linked-data/sdmx/2009/attribute#"
SH = "http://www.w3.org/ns/shacl#"
SHAPES = "https://w3id.org/kgservice/shapes#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
SOSA = "http://www.w3.org/ns/sosa/"
VOID = "http://rdfs.org/ns/void#"
XSD = "http://www.w3.org/2001/XMLSchema#"

NOTES = "urn:kgservice:"
"""What the names of graphs begin with that a store keeps for itself."""

PREFIXES: dict[str, str] = {
    "ci": CI,
    "dcat": DCAT,
    "dcterms": DCTERMS,
    "dpv": DPV,
    "dqv": DQV,
    "foaf": FOAF,
    "kg": KG,
    "org": ORG,
    "owl": OWL,
    "pd": PD,
    "prov": PROV,
    "qb": QB,
    "quality": QUALITY,
    "rdf": RDF,
    "rdfs": RDFS,
    "schema": SCHEMA,
    "sd": SD,
    "sdmx-attribute": SDMX_ATTRIBUTE,
    "sh": SH,
    "skos": SKOS,
    "sosa": SOSA,
    "void": VOID,
    "xsd": XSD,
}


def expand(value: str) -> str:
    """`prefix:name` with a prefix of the project as an IRI; anything else as it is."""
    prefix, colon, name = value.partition(":")
    return PREFIXES[prefix] + name if colon and prefix in PREFIXES and not name.startswith("//") else value


@lru_cache(maxsize=8)
def _space(base: str) -> uuid.UUID:
    """The namespace of a deployment's instances."""
    return uuid.uuid5(uuid.NAMESPACE_URL, base)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The IRIs of one deployment, all formed from its base.

    >>> a = Addresses("https://kg.example/")
    >>> a.project("6ab0"), a.everything
    ('https://kg.example/graph/project/6ab0', 'https://kg.example/view/everything')
    """

    base: str

    @property
    def ids(self) -> str:
        """The namespace of instances: `{base}id/`, followed by a UUID."""
        return f"{self.base}id/"

    @property
    def graphs(self) -> str:
        """The namespace of the managed graphs: `{base}graph/`."""
        return f"{self.base}graph/"

    @property
    def views(self) -> str:
        """The namespace of the views: `{base}view/`."""
        return f"{self.base}view/"

    @property
    def ontology(self) -> str:
        """The graph of the classes and properties (read only, from the package)."""
        return f"{self.graphs}ontology"

    @property
    def vocabulary(self) -> str:
        """The graph of the concept schemes (read only, from the package)."""
        return f"{self.graphs}vocabulary"

    @property
    def provenance(self) -> str:
        """The graph with one PROV-O activity for each commit."""
        return f"{self.graphs}provenance"

    @property
    def finding(self) -> str:
        """The graph of the validation findings."""
        return f"{self.graphs}finding"

    @property
    def quality(self) -> str:
        """The graph of the measurements of data quality."""
        return f"{self.graphs}quality"

    @property
    def scratch(self) -> str:
        """The graph of loose statements that belong to no record; in no view."""
        return f"{self.graphs}scratch"

    @property
    def everything(self) -> str:
        """The view of everything."""
        return f"{self.views}everything"

    @property
    def state(self) -> str:
        """The graph with what the service notes of itself: what its views are made by, and until when."""
        return f"{self.graphs}state"

    def view(self, purpose: str) -> str:
        """The view for the purpose with this IRI.

        >>> Addresses("https://kg.example/").view("https://w3id.org/dpv#Marketing")
        'https://kg.example/view/Marketing'
        """
        name = purpose.removeprefix(DPV)
        known = name != purpose and name.isalnum() and name[0].isupper()
        return f"{self.views}{name if known else uuid.uuid5(uuid.NAMESPACE_URL, purpose)}"

    def project(self, key: str) -> str:
        """The graph of all that concerns no person in the project `key`."""
        return f"{self.graphs}project/{key}"

    def subject(self, key: str) -> str:
        """The graph of everything about the data subject `key`, and nothing else."""
        return f"{self.graphs}subject/{key}"

    def consent(self, key: str) -> str:
        """The graph of the consent records and events of the data subject `key`."""
        return f"{self.graphs}consent/{key}"

    def quarantine(self, key: str) -> str:
        """The graph of what an import brought and the guard refused."""
        return f"{self.graphs}quarantine/{key}"

    def key(self, iri: str) -> str:
        """What names the graphs of the person or project `iri`: its local part; a UUID for foreign IRIs.

        >>> Addresses("https://kg.example/").key("https://kg.example/id/6ab0")
        '6ab0'
        """
        local = iri.removeprefix(self.ids)
        if local != iri and local and "/" not in local and "#" not in local:
            return local
        return str(uuid.uuid5(uuid.NAMESPACE_URL, iri))

    def instance(self, *keys: str) -> str:
        """An opaque, stable instance IRI (UUID version 5 over `keys` in this deployment)."""
        return f"{self.ids}{uuid.uuid5(_space(self.base), '|'.join(keys))}"

    def new(self) -> str:
        """A fresh, opaque instance IRI."""
        return f"{self.ids}{uuid.uuid4()}"
