"""Single sign-on against a provider in this process: in by what it says about her number, and the ways to fail."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client, override_settings
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from careloop.accounts import sealing, tickets
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import Linked, Provider, SignedIn
from careloop.kernel.clock import MovableClock
from careloop.server import middleware

ISSUER = "https://login.example.org"
KEYS = {
    "RS256": RSAKey.generate_key(2048, {"kid": "r"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "e"}),
}
STRANGER = RSAKey.generate_key(2048, {"kid": "r"})


class FakeProvider:
    """An identity provider. claims, token: what a test changes before she comes back."""

    def __init__(self, clock: MovableClock) -> None:
        self.clock = clock
        self.codes: dict[str, dict[str, str]] = {}
        self.person: dict[str, Any] = {"sub": "248289", "email": "Ana@Example.org", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self.alg, self.key = "RS256", KEYS["RS256"]
        self.says_issuer = ISSUER
        self.posted: list[tuple[dict[str, str], Mapping[str, str]]] = []

    def approve(self, address: str) -> dict[str, str]:
        """What her browser does there; answers with what it is sent back with."""
        asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def fetch(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> tuple[int, bytes]:
        path = address.removeprefix(ISSUER)
        if path == "/.well-known/openid-configuration":
            return self._say(
                issuer=self.says_issuer,
                authorization_endpoint=f"{ISSUER}/authorize",
                token_endpoint=f"{ISSUER}/token",
                jwks_uri=f"{ISSUER}/keys",
            )
        if path == "/keys":
            return 200, json.dumps(KeySet(list(KEYS.values())).as_dict(private=False)).encode()
        form = {name: value[0] for name, value in parse_qs(body.decode()).items()}
        self.posted.append((form, headers))
        asked = self.codes.pop(form["code"], None)
        if asked is None or self._challenge(form["code_verifier"]) != asked["code_challenge"]:
            return 400, b'{"error": "invalid_grant"}'
        return self._say(id_token=self._token(asked), access_token="x", token_type="Bearer")

    def _token(self, asked: dict[str, str]) -> str:
        at = int(self.clock().timestamp())
        claims = {
            **{"iss": ISSUER, "aud": asked["client_id"], "iat": at, "exp": at + 300, "nonce": asked["nonce"]},
            **self.person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": self.alg, "kid": self.key.kid}, claims, self.key, algorithms=[self.alg])

    def _challenge(self, verifier: str) -> str:
        return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()

    def _say(self, **said: str) -> tuple[int, bytes]:
        return 200, json.dumps(said).encode()


FAKE: list[FakeProvider] = []


def fetch(*asked: Any) -> tuple[int, bytes]:
    return FAKE[-1].fetch(*asked)


@pytest.fixture
def house(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Any:
    clock = MovableClock(now)
    monkeypatch.setattr(middleware, "clock", lambda: clock())
    FAKE.append(FakeProvider(clock))
    Provider.objects.create(
        name="clinic",
        label="Clinic login",
        issuer=ISSUER,
        client_id="careloop",
        sealed_secret=sealing.seal("s3:cret"),
        domains=["example.org"],
        proves_twice=True,
    )
    User.objects.create_user("ana@example.org", "x", "Ana Reyes", roles=["coordinator"], sites=["bayview"])
    with override_settings(ALLOWED_HOSTS=["testserver"], FETCH="tests.accounts.test_sso.fetch"):
        yield FAKE[-1]
    FAKE.pop()


def leave(client: Client) -> str:
    answer = client.get("/sign-in/with/clinic?next=/people")
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def come_back(client: Client, **said: str) -> Any:
    return client.get("/sign-in/back/clinic", said)


def go_through(client: Client, house: FakeProvider) -> Any:
    return come_back(client, **house.approve(leave(client)))


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_she_is_linked_by_her_verified_address_once_and_found_by_her_number_after(
    house: FakeProvider, alg: str
) -> None:
    house.alg, house.key = alg, KEYS[alg]
    assert "Sign in with Clinic login" in Client().get("/sign-in").content.decode()
    client = Client()
    answer = go_through(client, house)
    assert (answer.status_code, answer["Location"]) == (302, "/people")
    row = SignedIn.objects.get()
    assert (row.methods, row.strength) == ("sso-twice", 2)
    form, headers = house.posted[0]
    assert headers["Authorization"].startswith("Basic ")
    assert "s3" not in str(form)
    house.person = {"sub": "248289", "email": "moved@elsewhere.example", "email_verified": False}
    assert go_through(Client(), house).status_code == 302
    assert Linked.objects.count() == 1
    assert User.objects.get().roles == ["coordinator"]


def test_a_provider_that_proves_once_is_followed_by_our_own_second_step(house: FakeProvider) -> None:
    Provider.objects.update(proves_twice=False)
    client = Client()
    assert go_through(client, house)["Location"] == "/sign-in/second"
    assert not SignedIn.objects.exists()
    assert client.get("/today").status_code == 302


def test_an_open_invitation_is_taken_up_and_a_late_one_is_not(house: FakeProvider, now: datetime) -> None:
    cora = User.objects.create_user(
        "cora@example.org", None, "Cora Cole", roles=["coordinator"], is_active=False
    )
    house.person = {"sub": "7", "email": "cora@example.org", "email_verified": True}
    assert go_through(Client(), house).status_code == 422
    tickets.issue(tickets.INVITE, cora.principal_id, 0, now - timedelta(days=8))
    assert go_through(Client(), house).status_code == 422
    link = tickets.issue(tickets.INVITE, cora.principal_id, 0, now)
    assert go_through(Client(), house).status_code == 302
    assert User.objects.get(pk=cora.pk).is_active
    with pytest.raises(tickets.NoLongerWorks):
        tickets.look(tickets.INVITE, link.token, now)


Change = Callable[[FakeProvider], None]


def person(**said: Any) -> Change:
    return lambda house: house.person.update(said)


def claims(**said: Any) -> Change:
    return lambda house: house.claims.update(said)


def key(alg: str, made: Any) -> Change:
    def change(house: FakeProvider) -> None:
        house.alg, house.key = alg, made

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(person(email="eve@example.org"), id="an address without an account"),
        pytest.param(person(email_verified=False), id="an address that was not verified"),
        pytest.param(person(email_verified=None), id="nothing said of verified"),
        pytest.param(person(email="ana@evil.example"), id="a domain that it does not speak for"),
        pytest.param(person(email="ana@evil.example@example.org.evil"), id="an odd address"),
        pytest.param(lambda house: User.objects.update(is_active=False), id="a disabled account"),
        pytest.param(claims(iss="https://evil.example"), id="another issuer"),
        pytest.param(claims(aud="another app"), id="for another app"),
        pytest.param(claims(aud=["careloop", "other"]), id="for two, without azp"),
        pytest.param(claims(azp="other"), id="another authorized party"),
        pytest.param(claims(nonce="replayed"), id="another nonce"),
        pytest.param(claims(nonce=None), id="no nonce"),
        pytest.param(claims(exp=1), id="run out"),
        pytest.param(claims(exp=None), id="no end"),
        pytest.param(claims(iat=2**33), id="from the future"),
        pytest.param(claims(sub=None), id="no number"),
        pytest.param(key("RS256", STRANGER), id="a key of somebody else"),
        pytest.param(
            key("HS256", OctKey.import_key("s3:cret-s3:cret-s3:cret-s3:cret-", {"kid": "r"})),
            id="signed by a secret",
        ),
        pytest.param(lambda house: setattr(house, "says_issuer", "https://evil.example"), id="another house"),
    ],
)
def test_what_is_not_right_lets_nobody_in(house: FakeProvider, change: Change) -> None:
    client = Client()
    answer = house.approve(leave(client))
    change(house)
    assert come_back(client, **answer).status_code == 422
    assert not SignedIn.objects.exists()
    assert not Linked.objects.exists()
    assert client.get("/account").status_code == 302


def test_an_answer_belongs_to_the_browser_that_asked_and_works_once(house: FakeProvider) -> None:
    asking, other = Client(), Client()
    answer = house.approve(leave(asking))
    assert come_back(other, **answer).status_code == 422  # nothing was begun there
    leave(other)
    assert come_back(other, **answer).status_code == 422  # another state
    assert come_back(asking, code=answer["code"], state="guessed").status_code == 422
    assert come_back(asking, **answer).status_code == 422  # what was begun is used up by the wrong try
    answer = house.approve(leave(asking))
    assert come_back(asking, **answer, iss="https://evil.example").status_code == 422
    answer = house.approve(leave(asking))
    house.clock.move(minutes=11)
    assert come_back(asking, **answer).status_code == 422
    answer = house.approve(leave(asking))
    assert come_back(asking, error="access_denied", state=answer["state"]).status_code == 422
    assert not SignedIn.objects.exists()
    answer = house.approve(leave(asking))
    assert come_back(asking, **answer).status_code == 302
    assert come_back(asking, **answer).status_code == 422


def test_a_removed_provider_is_no_door(house: FakeProvider) -> None:
    client = Client()
    answer = house.approve(leave(client))
    Provider.objects.update(is_active=False)
    assert come_back(client, **answer).status_code == 404
    assert client.get("/sign-in/with/clinic").status_code == 404
    assert "Clinic login" not in client.get("/sign-in").content.decode()


def test_somebody_else_with_her_old_address_does_not_get_her_account(house: FakeProvider) -> None:
    assert go_through(Client(), house).status_code == 302
    house.person = {"sub": "another", "email": "ana@example.org", "email_verified": True}
    assert go_through(Client(), house).status_code == 422
    assert Linked.objects.get().subject == "248289"


@pytest.mark.parametrize("trick", ["ſue@example.org", "sue@example.org\u212a", "sue@eﬁle.org"])
def test_an_address_that_only_looks_like_hers_links_to_nobody(house: FakeProvider, trick: str) -> None:
    User.objects.create_user("sue@example.org", None, "Sue", roles=["coordinator"], sites=["bayview"])
    house.person = {"sub": "666", "email": trick, "email_verified": True}
    go_through(Client(), house)
    assert not Linked.objects.exists()
    assert not SignedIn.objects.exists()
