"""Sphinx: the documentation in Markdown, warnings are errors (`make docs`)."""

from importlib.metadata import version as version_of

project = "kgservice"
author = "The kgservice maintainers"
version = release = version_of("kgservice")
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "kgservice"
# The ontology pages are rendered by `kgservice docs ontology` into the same output folder.
pygments_style = "default"
