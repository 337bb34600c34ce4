"""What clients know servers by: certificates, which only encrypted connections need."""

from __future__ import annotations

import ssl


def certificates(*addresses: str) -> ssl.SSLContext | bool:
    """What httpx takes as `verify`, for a client of these addresses that follows no redirects.

    Reading the certificates of the machine takes 30 ms. For plain HTTP none are read: what spoke TLS there
    would be refused.
    """
    if all(address.startswith("http://") for address in addresses):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return True
