"""What opens the record and what does not: tokens, scopes, and from which pages of others."""

from __future__ import annotations

import pytest

from careloop.accounts import smart_apps

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
