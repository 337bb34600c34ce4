"""The ontology of the property tests, as a folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tmp_path_factory_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.property.test_views import ONTOLOGY

    folder = tmp_path_factory.mktemp("ontology")
    (folder / "small.ttl").write_text(ONTOLOGY)
    return folder
