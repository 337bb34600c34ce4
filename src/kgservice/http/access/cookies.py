"""The cookies of the service: their names, what a request brings, and how they are set."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import Response

# What a browser keeps of pages belongs to whom it showed them to.
OF_SOMEBODY_ELSE = '"cache"'
# At the end also what pages let it keep: the workbench the texts of queries.
OF_THE_SESSION = '"cache", "storage"'


def session_cookie(scheme: str, port: str) -> str:
    """The name of the cookie that says who signed in.

    It holds the port, since browsers share cookies between the ports of a host. Over https its prefix keeps
    other hosts of the domain from setting it.
    """
    return f"{'__Host-' if scheme == 'https' else ''}kgservice-{port}"


def purpose_cookie(port: str) -> str:
    """The name of the cookie that states a purpose for the pages."""
    return f"kgservice-purpose-{port}"


def cookies(headers: Headers, name: str) -> list[str]:
    """All values of a cookie in a request.

    >>> cookies(Headers({"cookie": 'b=2; a="x/y"; ab=3'}), "a")
    ['x/y']
    """
    found = []
    for header in headers.getlist("cookie"):
        if name in header:
            for pair in header.split(";"):
                key, _, value = pair.strip().partition("=")
                if key == name:
                    found.append(value.strip('"'))
    return found


def set_session(response: Response, scheme: str, port: str, value: str, seconds: int | None = None) -> None:
    """Let the browser say `value` from now on, for so many seconds or until it is closed."""
    response.set_cookie(
        session_cookie(scheme, port),
        value,
        max_age=seconds,
        path="/",
        secure=scheme == "https",
        httponly=True,
        samesite="strict",
    )
    forget(response, scheme, purpose_cookie(port))
    response.headers["Clear-Site-Data"] = OF_SOMEBODY_ELSE


def set_purpose(response: Response, scheme: str, port: str, value: str) -> None:
    """Let the pages be read for this purpose until the browser is closed."""
    response.set_cookie(
        purpose_cookie(port), value, path="/", secure=scheme == "https", httponly=True, samesite="strict"
    )
    response.headers["Clear-Site-Data"] = OF_SOMEBODY_ELSE


def end_session(response: Response, scheme: str, port: str) -> None:
    """Let the browser forget who signed in, and what they have seen."""
    forget(response, scheme, session_cookie(scheme, port))
    forget(response, scheme, purpose_cookie(port))
    response.headers["Clear-Site-Data"] = OF_THE_SESSION


def forget(response: Response, scheme: str, name: str) -> None:
    """Let the browser drop a cookie."""
    response.delete_cookie(name, path="/", secure=scheme == "https", httponly=True, samesite="strict")
