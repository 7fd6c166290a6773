"""What opens the record and what does not: tokens, scopes, and from which pages of others."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from careloop.accounts import smart_apps
from careloop.api import routes
from careloop.server.room import Busy, Ledger, Slow

# --- the FHIR door
BEARERS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer at-nothing",
    "Bearer rt-nothing",
    "Basic at-nothing",
    "bearer at-x y",
]


@pytest.mark.parametrize("header", BEARERS)
def test_the_record_opens_for_no_made_up_token(doors, header):
    headers = {"Authorization": header} if header else {}
    answer = doors.client.get("/fhir/Patient/maria", headers=headers)
    assert answer.status_code == 401
    assert b"Duarte" not in answer.content


def test_only_an_access_token_opens_the_record(world):
    app = world.app()
    code = world.code(app)
    said = world.exchange(app, world.code(app)).json()
    for token in (code, said["refresh_token"], said["id_token"]):
        assert world.get("Patient/maria", token).status_code == 401
    assert world.client.get(f"/fhir/Patient/maria?access_token={said['access_token']}").status_code == 401


def test_what_lies_outside_of_the_scope_is_refused_and_never_widened(world):
    app = world.app()
    token = world.exchange(app, world.code(app)).json()["access_token"]
    for path, status in (
        ("Condition", 403),
        ("Patient?_type=Condition", 400),
        ("Observation?_include=Observation:subject", 400),
        ("Observation?patient=james", 200),
        ("Patient/james/_history", 404),
        ("Patient/james/_history/1", 404),
        ("Nonsense", 404),
        ("Task", 403),
        ("AuditEvent", 403),
    ):
        answer = world.get(path, token)
        assert answer.status_code == status, (path, answer.content[:300])
        assert b"Otieno" not in answer.content
        assert b"james-" not in answer.content


def test_a_token_without_a_patient_reads_no_patient(world):
    app = world.app()
    code = world.code(app, person=(0, ""))
    token = world.exchange(app, code).json()["access_token"]
    assert world.get("Patient/maria", token).status_code in (403, 404)
    assert (
        world.get("Patient", token).json().get("entry", []) == []
        or world.get("Patient", token).status_code == 403
    )


def test_pages_of_strangers_may_not_call_from_a_browser(world):
    app = world.app()
    token = world.exchange(app, world.code(app)).json()["access_token"]
    proof = {"Authorization": f"Bearer {token}"}
    for origin, allowed in (
        ("https://app.example", "https://app.example"),
        ("https://evil.example", None),
        ("https://app.example.evil.example", None),
        ("http://app.example", None),
        ("null", None),
    ):
        answer = world.client.get("/fhir/Patient/maria", headers={"Origin": origin, **proof})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed, origin
        assert "Access-Control-Allow-Credentials" not in answer.headers
    first = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    asked = world.client.options("/fhir/Patient/maria", headers=first)
    assert asked.status_code == 204
    assert "Authorization" in asked["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in world.client.get("/apps/mine", headers=first).headers
    smart_apps.decide(app, "suspended", 1, world.now)
    asked = world.client.options("/fhir/Patient/maria", headers=first)
    assert "Access-Control-Allow-Origin" not in asked.headers


def _answers(world, failing):
    """What a page of an app and a page of strangers read of a refusal: status, allowed origin, seconds to wait."""
    world.app()
    first = {"Access-Control-Request-Method": "GET"}
    own, strange = {"Origin": "https://app.example"}, {"Origin": "https://evil.example"}
    world.client.options("/fhir/Patient", headers=own | first)  # this process has been asked before
    failing()
    answers = [
        world.client.get(path, headers=origin)
        for path in ("/fhir/Patient/maria", "/oauth/jwks")
        for origin in (own, strange)
    ]
    asked = world.client.options("/fhir/Patient", headers=own | first)
    assert (asked.status_code, asked.headers.get("Access-Control-Allow-Origin")) == (204, own["Origin"])
    return [(a.status_code, a.headers.get("Access-Control-Allow-Origin")) for a in answers], answers


@pytest.mark.parametrize(("error", "status"), [(Slow(seconds=7), 429), (Busy(seconds=3), 503)])
def test_sent_away_a_page_of_an_app_can_read_how_long_to_wait(world, monkeypatch, error, status):
    def failing():
        def place(*_):
            raise error

        monkeypatch.setattr(Ledger, "place", place)

    found, answers = _answers(world, failing)
    assert found == [(status, "https://app.example"), (status, None)] * 2
    assert answers[0]["Retry-After"] == str(error.fields["seconds"])
    assert "Retry-After" in answers[0]["Access-Control-Expose-Headers"]
    assert answers[1]["Vary"] == "Origin"


def test_without_a_database_a_page_of_an_app_can_read_that_too(world, monkeypatch):
    def away(*_, **__):
        raise OperationalError("gone")

    def failing():
        monkeypatch.setattr(smart_apps, "origins", away)
        monkeypatch.setattr(routes.tokens, "actor", away)

    found, answers = _answers(world, failing)
    assert found[:2] == [(503, "https://app.example"), (503, None)]
    assert "Retry-After" in answers[0]["Access-Control-Expose-Headers"]
    assert answers[0]["Retry-After"]


def test_too_large_a_request_of_an_apps_page_says_so_to_it(world):
    world.app()
    headers = {"Origin": "https://app.example", "X-Large": "x" * 40_000}
    answer = world.client.get("/fhir/Patient", headers=headers)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (431, "https://app.example")


def test_what_maria_no_longer_shares_her_app_no_longer_shows(world):
    """With the next request of a token that was made before."""
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    assert world.get("Observation/maria-0", said["access_token"]).status_code == 200
    _writes(
        world,
        {
            "resourceType": "Consent",
            "id": "no-more",
            "status": "active",
            "scope": {"coding": [{"code": "patient-privacy"}]},
            "category": [{"text": "privacy"}],
            "patient": {"reference": "Patient/maria"},
            "dateTime": "2026-01-01",
            "policyRule": {"text": "as she said"},
            "provision": {
                "type": "deny",
                "actor": [{"role": {"text": "site"}, "reference": {"reference": "Organization/bayview"}}],
            },
        },
    )
    world.clock.move(seconds=1)
    for path in ("Patient/maria", "Observation/maria-0", "Observation/maria-0/_history"):
        assert world.get(path, said["access_token"]).status_code in (403, 404), path
    assert not world.get("Observation?_total=accurate", said["access_token"]).json().get("total", 0)


def _writes(world, resource):
    from careloop import projections, store
    from careloop.access import Scope, system_actor

    demo = Scope(system_actor("demo"), "command", "maintenance")
    with store.open(demo, now=world.now, projectors=projections.ALL) as unit:
        unit.create(resource, id=resource["id"])
