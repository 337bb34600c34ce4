from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import RSAKey

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.errors import BadParameter
from kgservice.http.access import oidc_keys
from kgservice.http.access.oidc import Oidc, role_map
from kgservice.settings import Settings
from tests.conftest import NOON
from tests.http.keys import RESEARCH, asking, bare, serving
from tests.http.provider import AUDIENCE, NOW, Provider, ec, providing, rsa
from tests.serving import Running

FIRST, SECOND, FOREIGN = rsa("first"), rsa("second"), rsa("first")
CURVE = ec("curve")
ASKED = "/queries"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys may be fetched again at once, unless a test says otherwise."""
    monkeypatch.setattr(oidc_keys, "PAUSE", 0.0)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as provider:
        provider.keys = [FIRST, CURVE]
        yield provider


@pytest.fixture
def server(kg: KnowledgeGraph, tmp_path: Path, provider: Provider) -> Iterator[Running]:
    options = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE, "sign_ins": 1000}
    with serving(kg, tmp_path, oidc_algorithms="RS256 PS256 ES256 ES384 Ed25519", **options) as server:
        yield server


def status(server: Running, token: str, path: str = ASKED) -> int:
    return asking(server, path, token).status_code


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_tokens_with_real_signatures(server: Running, provider: Provider) -> None:
    assert status(server, provider.token(FIRST)) == 200
    assert status(server, provider.token(FIRST, "PS256")) == 200
    assert status(server, provider.token(CURVE, "ES256")) == 200
    assert status(server, provider.token(FIRST, header={"typ": "at+jwt"})) == 200
    assert status(server, provider.token(FIRST, header={"typ": None, "x-other": "1"})) == 200
    assert status(server, provider.token(FIRST, aud=["other", AUDIENCE])) == 200
    assert status(server, provider.token(FIRST), "/sparql?query=ASK%7B%7D") == 403  # a reader
    assert server.get(ASKED).status_code == 200
    # Discovery and keys are asked for once.
    assert provider.asked == ["/realm/.well-known/openid-configuration", "/realm/keys"]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 31},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": float("nan")},
        {"nbf": NOW + 31},
        {"iat": NOW + 31},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": ["x"]},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": []},
        {"aud": None},
        {"aud": {"kgservice": 1}},
        {"aud": "kgservice2"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
    ids=str,
)
def test_claims_that_do_not_hold(server: Running, provider: Provider, claims: dict[str, Any]) -> None:
    answer = asking(server, ASKED, provider.token(FIRST, **claims))
    assert answer.status_code == 401
    assert answer.json()["detail"] == "The token in Authorization is not valid"


def test_clocks_may_differ_a_little(server: Running, provider: Provider) -> None:
    assert status(server, provider.token(FIRST, exp=NOW - 29)) == 200
    assert status(server, provider.token(FIRST, nbf=NOW + 29, iat=NOW + 29)) == 200


def test_forged_signatures(server: Running, provider: Provider) -> None:
    token = provider.token(FIRST)
    head, body, signature = token.split(".")
    claims = provider.claims(roles=["kgservice-administrator"])
    for forged in (
        provider.token(FOREIGN),  # another key of the same name
        f"{head}.{part(claims)}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{part(b'x' * 256)}",
        f"{head}.{body}.{signature[:-4]}",
        f"{part({'alg': 'ES256', 'kid': 'curve'})}.{body}.{signature}",
        provider.token(ec("curve"), "ES256"),
        f"{part({'alg': 'ES256', 'kid': 'curve'})}.{body}.{part(bytes(64))}",  # CVE-2022-21449
    ):
        assert status(server, forged) == 401
    assert status(server, token) == 200


def test_forged_tokens_are_failed_attempts(kg: KnowledgeGraph, tmp_path: Path, provider: Provider) -> None:
    options = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE}
    with serving(kg, tmp_path, sign_ins=3, **options) as server:
        before, other = provider.token(FIRST), provider.token(FIRST, sub="another")
        assert status(server, before) == 200
        over = provider.token(FIRST, exp=NOW - 3600)
        assert [status(server, over) for _ in range(5)] == [401] * 5  # it was right once
        forged = [provider.token(FOREIGN, sub=str(n)) for n in range(5)]
        assert [status(server, token) for token in forged] == [401, 401, 401, 429, 429]
        assert [status(server, token) for token in (before, other)] == [200, 429]


def test_algorithms_that_are_none(server: Running, provider: Provider) -> None:
    body = part(provider.claims())
    for algorithm in ("none", "None", "NONE", "nOnE", "", None, 7, ["RS256"], {"a": 1}):
        for kid in ("first", None):
            head = part({"alg": algorithm, "kid": kid})
            assert status(server, f"{head}.{body}.") == 401
            assert status(server, f"{head}.{body}.{part(b'x')}") == 401
    assert status(server, f"{part({'kid': 'first'})}.{body}.") == 401


def test_a_public_key_is_no_shared_secret(server: Running, provider: Provider) -> None:
    body = part(provider.claims())
    public = RSAKey.import_key(FIRST.as_dict(private=False))
    der, pem = (public.as_bytes(encoding=e, private=False) for e in ("DER", "PEM"))
    jwk = json.dumps(FIRST.as_dict(private=False)).encode()
    for algorithm in ("HS256", "HS384", "HS512"):
        head = part({"alg": algorithm, "kid": "first", "typ": "JWT"})
        name = f"sha{algorithm[2:]}"
        for secret in (der, pem, pem.strip(), jwk, b"", b"first"):
            signature = hmac.new(secret, f"{head}.{body}".encode(), getattr(hashlib, name)).digest()
            assert status(server, f"{head}.{body}.{part(signature)}") == 401


def test_keys_that_the_token_brings_itself(server: Running, provider: Provider) -> None:
    own = FOREIGN.as_dict(private=False)
    elsewhere = f"{provider.issuer}/mine"
    for header in (
        {"jwk": own},
        {"jku": elsewhere},
        {"x5u": elsewhere},
        {"jwk": own, "kid": None},
        {"kid": "../../keys"},
        {"kid": "first' OR 1=1"},
        {"kid": 1},
        {"kid": ["first"]},
    ):
        try:
            token = provider.token(FOREIGN, header=header)
        except Exception:  # the library does not even make it
            head = {"alg": "RS256", "kid": "first", **header}
            token = f"{part(head)}.{part(provider.claims())}.{part(b'x' * 256)}"
        assert status(server, token) == 401
    assert "/realm/mine" not in provider.asked


def test_headers_that_must_be_understood(server: Running, provider: Provider) -> None:
    claims = part(provider.claims())
    headers: list[dict[str, Any]] = [
        {"crit": ["exp2"], "exp2": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
    ]
    for header in headers:
        head = part({"alg": "RS256", "kid": "first", **header})
        signed = signed_by_first(f"{head}.{claims}")
        assert status(server, f"{head}.{claims}.{part(signed)}") == 401


def signed_by_first(text: str) -> bytes:
    """A right signature of whatever it is."""
    assert FIRST.private_key is not None
    return FIRST.private_key.sign(text.encode(), PKCS1v15(), SHA256())


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt", "", 7])
def test_tokens_that_say_something_else(server: Running, provider: Provider, kind: object) -> None:
    claims = part(provider.claims())
    head = part({"alg": "RS256", "kid": "first", "typ": kind})
    signed = signed_by_first(f"{head}.{claims}")
    assert status(server, f"{head}.{claims}.{part(signed)}") == 401


@pytest.mark.parametrize(
    "token",
    [
        "..",
        "a.b.c",
        "a.b",
        "a.b.c.d.e",
        f"{part({'alg': 'RS256', 'kid': 'first'})}..",
        f"{part({'alg': 'RS256', 'kid': 'first'})}.{part([1])}.{part(b'x')}",
        f"{part([1])}.{part({})}.{part(b'x')}",
        f"{part(b'[' * 5000)}.{part({})}.x",
        f"{part(b'{')}.{part({})}.x",
        f"{part(bytes([255, 254]))}.{part({})}.x",
        f"{part({'alg': 'RS256', 'kid': 'first'})}.{'A' * 15000}.x",
        "ä.ö.ü",
        "." * 1000,
    ],
    ids=lambda token: str(token)[:20],
)
def test_malformed_tokens(server: Running, token: str) -> None:
    headers = {b"Authorization": f"Bearer {token}".encode("latin-1")}
    assert bare(server, ASKED, headers=headers).status_code == 401


def test_a_payload_that_is_signed_and_no_claims(server: Running, provider: Provider) -> None:
    head = part({"alg": "RS256", "kid": "first"})
    for payload in (b"[]", b"7", b"null", b"{", b"\xff", b"[" * 4000, b'{"exp": 1e999}'):
        signed = signed_by_first(f"{head}.{part(payload)}")
        assert status(server, f"{head}.{part(payload)}.{part(signed)}") == 401


def test_new_keys_of_the_provider_are_fetched(server: Running, provider: Provider) -> None:
    assert status(server, provider.token(FIRST)) == 200
    assert status(server, provider.token(SECOND)) == 401
    provider.keys = [SECOND]
    assert status(server, provider.token(SECOND)) == 200
    assert status(server, provider.token(FIRST)) == 401  # it was taken away


def test_unknown_keys_do_not_make_the_service_ask_again_and_again(
    server: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(server, provider.token(FIRST)) == 200
    monkeypatch.setattr(oidc_keys, "PAUSE", 3600.0)
    provider.keys = [FIRST, SECOND]
    before = len(provider.asked)
    for _ in range(5):
        assert status(server, provider.token(SECOND)) == 401
    assert len(provider.asked) == before
    assert status(server, provider.token(FIRST)) == 200


def test_old_keys_are_fetched_again(
    server: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(server, provider.token(FIRST)) == 200
    provider.works = False
    monkeypatch.setattr(oidc_keys, "FRESH", -1.0)
    assert status(server, provider.token(FIRST)) == 200  # the provider does not answer: those of before hold
    monkeypatch.setattr(oidc_keys, "OLDEST", -1.0)
    assert status(server, provider.token(FIRST)) == 503
    provider.works = True
    monkeypatch.setattr(oidc_keys, "OLDEST", 60.0)
    assert status(server, provider.token(FIRST)) == 200


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": "http://login.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://127.0.0.1:99999/keys"},
        {"jwks_uri": ["x"]},
        {"jwks_uri": None},
    ],
    ids=str,
)
def test_discovery_that_is_not_to_be_trusted(
    server: Running, provider: Provider, about: dict[str, Any]
) -> None:
    provider.about |= about
    assert status(server, provider.token(FIRST)) == 503
    assert server.get(ASKED).status_code == 200


def test_keys_that_cannot_be_used(server: Running, provider: Provider) -> None:
    weak, cipher, other = rsa("weak", 1024), rsa("cipher"), ec("curve384", "P-384")
    provider.extra = [
        {"kty": "oct", "k": part(b"secret" * 8), "kid": "shared", "alg": "HS256"},
        {**cipher.as_dict(private=False), "use": "enc"},
        {**SECOND.as_dict(private=False), "alg": "PS256"},
        {"kty": "RSA", "kid": "broken", "n": "?", "e": 7},
        {"kty": "unheard of", "kid": "new"},
        {"kty": ["RSA"]},
        "no key",
        None,
    ]
    provider.keys = [FIRST, weak, other]
    assert status(server, provider.token(FIRST)) == 200
    assert status(server, provider.token(weak)) == 401
    assert status(server, provider.token(cipher)) == 401
    assert status(server, provider.token(SECOND)) == 401
    assert status(server, provider.token(SECOND, "PS256")) == 200
    assert status(server, provider.token(other, "ES384")) == 200
    head = part({"alg": "HS256", "kid": "shared"})
    signature = hmac.new(b"secret" * 8, f"{head}.{part(provider.claims())}".encode(), hashlib.sha256).digest()
    assert status(server, f"{head}.{part(provider.claims())}.{part(signature)}") == 401


def test_a_token_without_a_key_id(server: Running, provider: Provider) -> None:
    assert status(server, provider.token(FIRST, header={"kid": None})) == 200  # there is one RSA key
    provider.keys = [FIRST, SECOND]
    assert status(server, provider.token(SECOND)) == 200
    assert status(server, provider.token(FIRST, header={"kid": None})) == 401


def test_only_the_algorithms_of_the_settings(kg: KnowledgeGraph, tmp_path: Path, provider: Provider) -> None:
    options = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE, "oidc_algorithms": "ES256"}
    with serving(kg, tmp_path, **options) as server:
        assert status(server, provider.token(CURVE, "ES256")) == 200
        assert status(server, provider.token(FIRST)) == 401


def test_no_tokens_without_an_issuer(kg: KnowledgeGraph, tmp_path: Path, provider: Provider) -> None:
    with serving(kg, tmp_path) as server:
        assert status(server, provider.token(FIRST)) == 401
    assert provider.asked == []


def test_who_has_no_role_is_known_and_may_nothing(server: Running, provider: Provider) -> None:
    for roles in ([], None, "", {"kgservice-administrator": 1}, 7, ["administrator"], [["kgservice-reader"]]):
        answer = asking(server, ASKED, provider.token(FIRST, roles=roles))
        assert answer.status_code == 403
        assert answer.json()["detail"].endswith("yours: none")
    assert status(server, provider.token(FIRST, roles="a kgservice-reader")) == 200


@pytest.mark.parametrize("given", [{}, {"oidc_roles": "KG Readers=reader; kg=researcher;kg=editor; "}])
def test_who_a_token_is(given: dict[str, str]) -> None:
    settings = Settings.load(
        {},
        oidc_issuer="https://login.example",
        oidc_audience="kg",
        oidc_roles_claim="realm.roles",
        oidc_purposes_claim="https://kg.example/purposes",
        **given,
    )
    claims = {
        "iss": "https://login.example",
        "sub": "anna@example.org",
        "email": "anna@example.org",
        "realm": {"roles": ["KG Readers", "kg", "kgservice-steward"]},
        "https://kg.example/purposes": "dpv:ResearchAndDevelopment dpv:Marketing",
    }
    found = Oidc(settings, lambda: NOON)._of(claims)
    assert found.name.startswith("oidc:")
    assert len(found.name) == 21
    assert "anna" not in found.name
    assert found.purposes == {RESEARCH}
    wanted = {Role.READER, Role.RESEARCHER, Role.EDITOR} if given else {Role.STEWARD}
    assert set(found.roles) == wanted
    assert found.default == (RESEARCH if given else None)
    again = Oidc(settings, lambda: NOON)._of({**claims, "sub": "bert"})
    assert again.name != found.name


@pytest.mark.parametrize("text", ["reader", "x=boss", "=reader", "x="])
def test_roles_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadParameter):
        role_map(text)


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "http://login.example", "oidc_audience": "kg"},
        {"oidc_issuer": "https://a:b@login.example", "oidc_audience": "kg"},
        {"oidc_issuer": "login.example", "oidc_audience": "kg"},
        {"oidc_issuer": "https://login.example"},
        {"oidc_algorithms": "HS256"},
        {"oidc_algorithms": "none"},
        {"oidc_algorithms": " "},
    ],
    ids=str,
)
def test_settings_that_cannot_be_used(given: dict[str, str]) -> None:
    with pytest.raises(BadParameter):
        Settings.load({}, **given)
