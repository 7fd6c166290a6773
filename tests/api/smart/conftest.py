"""Apps, a patient, a coordinator, and the requests that apps make."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from careloop.accounts import sessions, smart_apps, smart_tokens
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import SignedIn
from careloop.accounts.smart_models import App
from careloop.api.exchange import tokens as remembered
from careloop.api.smart import assertions
from careloop.api.strangers import strangers
from careloop.kernel.clock import MovableClock

REDIRECT = "https://app.example/after"
BASE = "http://testserver"
VERIFIER = "a-verifier-of-at-least-43-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SCOPES = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs"

RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa", "use": "sig"}, private=True)
EC = ECKey.generate_key("P-384", parameters={"kid": "ec", "use": "sig"}, private=True)
JWKS = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}


def audit() -> list[str]:
    """What the trail says, in the order it happened."""
    import zlib

    from tests.conftest import owner_connection

    with owner_connection() as owner:
        rows = owner.execute(
            "select detail from audit where detail is not null order by at, lane, seq"
        ).fetchall()
    return [
        word for (detail,) in rows for entry in json.loads(zlib.decompress(detail)) for word in entry[1:2]
    ]


def issued() -> tuple[int, int]:
    """How many access and refresh tokens there are."""
    from careloop.accounts.smart_models import AccessToken, RefreshToken

    return AccessToken.objects.count(), RefreshToken.objects.count()


@dataclass
class World:
    """The clock of every request; people by rid and id; what was registered."""

    clock: MovableClock
    maria: tuple[int, str]
    james: tuple[int, str]
    user: User
    session: SignedIn
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    @property
    def now(self) -> datetime:
        return self.clock()

    def app(self, name: str = "Growth Chart", **more: Any) -> App:
        return self.app_and_secret(name, **more)[0]

    def app_and_secret(self, name: str = "Growth Chart", **more: Any) -> tuple[App, str]:
        said = {"scopes": SCOPES, "redirects": [REDIRECT], **more}
        app, secret = smart_apps.register(
            smart_apps.Told(name=name, publisher="Example Apps", **said), self.user.principal_id, self.now
        )
        smart_apps.decide(app, "approved", 1, self.now)
        return app, secret

    def backend(self, name: str = "Registry", scopes: str = "system/Patient.rs", **more: Any) -> App:
        return self.app(
            name, scopes=scopes, redirects=[], way="keys", is_backend=True, **({"keys": JWKS} | more)
        )

    def code(self, app: App, scopes: str = SCOPES, person: tuple[int, str] | None = None, **more: Any) -> str:
        rid, id = person or self.maria
        said = smart_tokens.Allowed(
            app=app,
            principal=self.user.principal_id,
            scopes=scopes,
            session=self.session.id,
            signed_in_at=self.session.began,
            patient=id,
            person=rid,
            is_offline="offline_access" in scopes,
            **more,
        )
        return smart_tokens.allow(said, smart_tokens.Return(REDIRECT, CHALLENGE, "n-1"), self.now)

    def post(self, path: str, form: dict[str, str] | list[tuple[str, str]], **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = named.pop("Content-Type", "application/x-www-form-urlencoded")
        return self.client.generic("POST", path, urlencode(form), kind, headers=named)

    def exchange(self, app: App, code: str, **more: str) -> Any:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            "client_id": app.client_id,
        }
        form = {name: value for name, value in (form | more).items() if value}
        return self.post("/oauth/token", form)

    def refresh(self, app: App, token: str, **more: str) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": app.client_id}
        return self.post("/oauth/token", form | more)

    def get(self, path: str, token: str) -> Any:
        return self.client.get(f"/fhir/{path}", headers={"Authorization": f"Bearer {token}"})

    def assertion(self, app: App, key: RSAKey | ECKey = RSA, *, header: Any = None, **claims: Any) -> str:
        at = int(self.now.timestamp())
        said = {
            "iss": app.client_id,
            "sub": app.client_id,
            "aud": f"{BASE}/oauth/token",
            "exp": at + 240,
            "jti": f"jti-{at}",
        } | claims
        algorithm = "RS384" if isinstance(key, RSAKey) else "ES384"
        head = {"alg": algorithm, "kid": key.kid, "typ": "JWT"} | (header or {})
        body = {name: value for name, value in said.items() if value is not None}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, body, key, algorithms=[head["alg"]])

    def by_itself(self, assertion: str, scope: str = "system/Patient.rs", **more: str) -> Any:
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        return self.post("/oauth/token", form | more)


@pytest.fixture
def doors(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> World:
    """Accounts alone, for what never gets as far as the record."""
    from careloop.server import middleware

    remembered.forget()
    strangers.forget()
    assertions.keys.forget()
    clock = MovableClock(now.astimezone(UTC))
    monkeypatch.setattr(middleware, "clock", lambda: clock())
    user = User.objects.create_user(
        "ana@careloop.example",
        None,
        "Ana Reyes",
        roles=["coordinator"],
        sites=["bayview"],
        practitioner="ana",
    )
    session = SignedIn.objects.create(
        id="0" * 32,
        principal_id=user.principal_id,
        began=clock(),
        seen=clock(),
        device="A test",
        device_hash="",
        methods="password totp",
        strength=2,
    )
    assert sessions.is_live(session.id, clock())
    return World(clock, (1, "maria"), (2, "james"), user, session)


@pytest.fixture
def world(doors: World) -> World:
    """With Ana, Maria and James in the record of Bayview."""
    from careloop import projections, store
    from careloop.access import Scope, system_actor

    demo = Scope(system_actor("demo"), "command", "maintenance")
    with store.open(demo, now=doors.now, projectors=projections.ALL) as unit:
        unit.create({"resourceType": "Organization", "name": "Bayview"}, id="bayview")
        unit.create({"resourceType": "Practitioner", "name": [{"family": "Reyes"}]}, id="ana")
        people = {}
        for id, family in (("maria", "Duarte"), ("james", "Otieno")):
            made = unit.create(
                {
                    "resourceType": "Patient",
                    "name": [{"family": family}],
                    "managingOrganization": {"reference": "Organization/bayview"},
                },
                id=id,
            )
            people[id] = (made.rid, id)
            for number, category in enumerate(("laboratory", "vital-signs")):
                unit.create(_observation(id, category), id=f"{id}-{number}")
    doors.maria, doors.james = people["maria"], people["james"]
    return doors


def _observation(patient: str, category: str) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": system, "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient}"},
    }
