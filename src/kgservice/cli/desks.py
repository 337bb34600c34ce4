"""The parts of the commands' work that have a place of their own: for rights, links, and sources."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from kgservice.cli.link_desk import LocalLinks, RemoteLinks
from kgservice.cli.rights import LocalRights, RemoteRights
from kgservice.cli.source_desk import LocalSources, RemoteSources

if TYPE_CHECKING:
    import httpx

    from kgservice.application.graph.graph import KnowledgeGraph
    from kgservice.cli.recording import Recorder


class LocalDesks:
    """On an open graph; what is done is recorded."""

    _kg: KnowledgeGraph
    recorder: Recorder

    @property
    def rights(self) -> LocalRights:
        """What can be done for a person."""
        return LocalRights(self._kg, self.recorder)

    @property
    def links(self) -> LocalLinks:
        """What can be done with links of CRM records."""
        return LocalLinks(self._kg, self.recorder)

    @property
    def sources(self) -> LocalSources:
        """What can be done with sources of customers."""
        return LocalSources(self._kg, self.recorder)


class RemoteDesks:
    """Through a service."""

    _bytes: Callable[..., bytes]
    _stream: Callable[..., AbstractContextManager[httpx.Response]]

    @property
    def rights(self) -> RemoteRights:
        """What can be done for a person."""
        return RemoteRights(self._bytes)

    @property
    def links(self) -> RemoteLinks:
        """What can be done with links of CRM records."""
        return RemoteLinks(self._stream)

    @property
    def sources(self) -> RemoteSources:
        """What can be done with sources of customers."""
        return RemoteSources(self._stream)
