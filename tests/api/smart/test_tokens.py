"""An app that somebody allowed: its code, its tokens, and everything that ends them."""

from __future__ import annotations

import json
from datetime import timedelta

from joserfc import jwt
from joserfc.jwk import KeySet

from careloop.accounts import sessions, smart_apps, smart_grants
from careloop.accounts.smart_models import AccessToken, AuthorizationCode, RefreshToken
from tests.api.smart.conftest import BASE, EC, JWKS, RSA, SCOPES, VERIFIER, audit, issued


def test_a_code_becomes_tokens_and_they_open_one_persons_record(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    assert said["token_type"] == "Bearer"
    assert said["expires_in"] == 300
    assert said["scope"] == SCOPES
    assert (said["patient"], said["need_patient_banner"]) == ("maria", True)
    assert world.get("Patient/maria", said["access_token"]).status_code == 200
    assert world.get("Observation/maria-0", said["access_token"]).status_code == 200
    assert world.get("Patient/james", said["access_token"]).status_code == 404
    assert world.get("Observation/james-0", said["access_token"]).status_code == 404
    assert world.get("Condition", said["access_token"]).status_code == 403
    found = world.get("Observation", said["access_token"]).json()
    assert {entry["resource"]["id"] for entry in found["entry"]} == {"maria-0", "maria-1"}
    words = " | ".join(audit())
    assert "token issued for a code" in words


def test_nothing_is_kept_by_which_a_token_could_be_used(world):
    app, secret = world.app_and_secret(way="secret")
    code = world.code(app)
    said = world.exchange(app, code, client_secret=secret).json()
    kept = json.dumps(
        [list(model.objects.values()) for model in (AccessToken, RefreshToken, AuthorizationCode, type(app))],
        default=str,
    )
    for text in (code, said["access_token"], said["refresh_token"], secret):
        assert text not in kept


def test_the_identity_token_is_signed_by_a_published_key_and_says_who(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    keys = KeySet.import_key_set(world.client.get("/oauth/jwks").json())
    claims = jwt.decode(said["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (BASE, app.client_id, "n-1")
    assert claims["fhirUser"] == f"{BASE}/fhir/Practitioner/ana"
    assert claims["exp"] - claims["iat"] == 300
    assert "ana" not in claims["sub"].lower()


def test_a_rotated_key_still_vouches_for_what_it_signed(world):
    from careloop.api.smart import signing

    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    signing.rotate()
    keys = KeySet.import_key_set(world.client.get("/oauth/jwks").json())
    assert len(keys.keys) == 2
    assert jwt.decode(said["id_token"], keys, algorithms=["RS256"]).claims["aud"] == app.client_id
    newer = world.exchange(app, world.code(app)).json()
    assert jwt.decode(newer["id_token"], KeySet([keys.keys[0]]), algorithms=["RS256"]).claims
    assert not any({"d", "p", "q"} & key.as_dict().keys() for key in keys.keys)
    assert signing.path().stat().st_mode & 0o077 == 0


def test_an_access_token_lasts_five_minutes_and_a_code_one(world):
    app = world.app()
    code, late = world.code(app), world.code(app)
    token = world.exchange(app, code).json()["access_token"]
    world.clock.move(seconds=61)
    assert world.exchange(app, late).json()["error"] == "invalid_grant"
    world.clock.move(seconds=238)
    assert world.get("Patient/maria", token).status_code == 200
    world.clock.move(seconds=1)
    answer = world.get("Patient/maria", token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]


def test_a_code_used_twice_ends_what_it_made(world):
    app = world.app()
    code = world.code(app)
    said = world.exchange(app, code).json()
    assert world.exchange(app, code).json()["error"] == "invalid_grant"
    assert world.get("Patient/maria", said["access_token"]).status_code == 401
    assert world.refresh(app, said["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_works_once_and_its_second_use_ends_the_family(world):
    app = world.app()
    first = world.exchange(app, world.code(app)).json()
    second = world.refresh(app, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["patient"] == "maria"
    assert world.get("Patient/maria", second["access_token"]).status_code == 200
    assert world.refresh(app, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert world.get("Patient/maria", second["access_token"]).status_code == 401
    assert world.refresh(app, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_32_that_refresh_at_once_get_one_new_token_at_most(world):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    app = world.app()
    first = world.exchange(app, world.code(app)).json()

    def racer(_: int) -> int:
        try:
            return world.refresh(app, first["refresh_token"]).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(racer, range(16)))
    assert answers.count(200) <= 1
    assert issued()[1] <= 2


def test_a_refresh_may_ask_for_less_and_never_for_more(world):
    app = world.app(scopes=SCOPES + " patient/Condition.rs")
    first = world.exchange(app, world.code(app)).json()
    assert (
        world.refresh(app, first["refresh_token"], scope="patient/Condition.rs").json()["error"]
        == "invalid_scope"
    )
    less = world.refresh(app, first["refresh_token"], scope="patient/Patient.r").json()
    assert world.get("Patient/maria", less["access_token"]).status_code == 200
    assert world.get("Observation/maria-0", less["access_token"]).status_code == 403


def test_without_a_scope_to_stay_there_is_no_refresh_token(world):
    app = world.app()
    said = world.exchange(app, world.code(app, "launch/patient patient/Patient.rs")).json()
    assert "refresh_token" not in said
    assert "id_token" not in said


def test_online_access_ends_with_the_session_and_offline_access_does_not(world):
    app = world.app(scopes=SCOPES + " online_access")
    online = world.exchange(app, world.code(app, "launch/patient online_access patient/Patient.rs")).json()
    other = world.app("Diary", scopes=SCOPES)
    offline = world.exchange(other, world.code(other)).json()
    sessions.end(world.session.id, world.now)
    assert world.get("Patient/maria", online["access_token"]).status_code == 401
    assert world.refresh(app, online["refresh_token"]).json()["error"] == "invalid_grant"
    assert world.get("Patient/maria", offline["access_token"]).status_code == 200


def test_what_ends_an_account_ends_its_tokens_with_the_next_request(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    world.clock.move(seconds=1)
    sessions.void(world.user.principal_id, world.now, "new password")
    assert world.get("Patient/maria", said["access_token"]).status_code == 401
    assert world.refresh(app, said["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_disabled_account_opens_nothing(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    world.user.is_active = False
    world.user.save()
    assert world.get("Patient/maria", said["access_token"]).status_code == 401


def test_a_site_that_is_taken_from_her_is_taken_from_her_app(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    world.user.sites = []
    world.user.save()
    assert world.get("Patient/maria", said["access_token"]).status_code in (403, 404)


def test_an_ended_grant_and_a_suspended_app_stop_at_once(world):
    app, other = world.app(), world.app("Diary")
    said, hers = world.exchange(app, world.code(app)).json(), world.exchange(other, world.code(other)).json()
    (grant,) = [g for g in smart_grants.grants_of(world.user.principal_id) if g.app == "Growth Chart"]
    assert grant.patient == "maria"
    assert grant.stays
    assert smart_grants.end_grant(grant.id, world.now)
    assert not smart_grants.end_grant(grant.id, world.now)
    assert world.get("Patient/maria", said["access_token"]).status_code == 401
    assert world.get("Patient/maria", hers["access_token"]).status_code == 200
    smart_apps.decide(other, "suspended", 1, world.now)
    assert world.get("Patient/maria", hers["access_token"]).status_code == 401
    assert world.refresh(other, hers["refresh_token"]).json()["error"] == "invalid_client"


def test_grants_are_found_by_whom_they_are_about(world):
    app = world.app()
    world.code(app)
    assert [g.app for g in smart_grants.grants_of(person=world.maria[0])] == ["Growth Chart"]
    assert smart_grants.grants_of(person=world.james[0]) == []
    assert smart_grants.end_all_about(world.maria[0], world.now, "share ended") == 1


def test_allowing_less_ends_what_was_made_under_more(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    world.code(app, "launch/patient patient/Patient.rs")
    assert world.get("Observation/maria-0", said["access_token"]).status_code == 401
    assert len(smart_grants.grants_of(world.user.principal_id)) == 1


def test_a_user_scope_opens_what_the_user_may_and_no_more(world):
    app = world.app(scopes="user/Patient.rs")
    said = world.exchange(app, world.code(app, "user/Patient.rs", person=(0, ""))).json()
    assert "patient" not in said
    assert world.get("Patient/james", said["access_token"]).status_code == 200
    assert world.get("Observation/james-0", said["access_token"]).status_code == 403
    world.user.sites = []
    world.user.save()
    assert world.get("Patient/james", said["access_token"]).status_code in (403, 404)


def test_an_app_without_scopes_over_resources_reads_nothing(world):
    app = world.app(scopes="openid fhirUser")
    said = world.exchange(app, world.code(app, "openid fhirUser", person=(0, ""))).json()
    assert "id_token" in said
    assert world.get("Patient/maria", said["access_token"]).status_code == 403


def test_a_granular_scope_shows_the_rows_it_names(world):
    labs = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
    app = world.app(scopes=f"launch/patient {labs}")
    said = world.exchange(app, world.code(app, f"launch/patient {labs}")).json()
    assert said["scope"].endswith("|laboratory")
    found = world.get("Observation?_total=accurate", said["access_token"]).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["maria-0"]
    assert found["total"] == 1
    assert world.get("Observation/maria-0", said["access_token"]).status_code == 200
    assert world.get("Observation/maria-1", said["access_token"]).status_code == 404
    assert world.get("Observation/james-0", said["access_token"]).status_code == 404


def test_a_granular_scope_opens_no_older_versions(world):
    labs = "patient/Observation.rs?category=laboratory"
    app = world.app(scopes=f"launch/patient {labs}")
    token = world.exchange(app, world.code(app, f"launch/patient {labs}")).json()["access_token"]
    assert world.get("Observation/maria-0", token).status_code == 200
    assert world.get("Observation/maria-0/_history", token).status_code == 403
    assert world.get("Observation/maria-0/_history/1", token).status_code == 403


def test_a_granular_scope_of_a_backend_service_is_not_widened(world):
    scope = "system/Observation.rs?category=laboratory"
    app = world.backend(scopes=scope)
    answer = world.by_itself(world.assertion(app), scope)
    assert answer.status_code == 200, answer.content
    token = answer.json()["access_token"]
    found = world.get("Observation", token).json()
    assert {entry["resource"]["id"] for entry in found["entry"]} == {"maria-0", "james-0"}
    assert world.get("Observation/maria-1", token).status_code == 404


def test_a_scope_to_read_does_not_write(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    body = json.dumps({"resourceType": "Patient", "id": "maria", "name": [{"family": "Changed"}]})
    answer = world.client.put(
        "/fhir/Patient/maria",
        body,
        content_type="application/fhir+json",
        headers={"Authorization": f"Bearer {said['access_token']}"},
    )
    assert answer.status_code == 403


def test_a_backend_service_proves_itself_by_either_key(world):
    app = world.backend()
    for number, key in enumerate((RSA, EC)):
        answer = world.by_itself(world.assertion(app, key, jti=f"one-{number}"))
        assert answer.status_code == 200, answer.content
        said = answer.json()
        assert said["expires_in"] <= 300
        assert "refresh_token" not in said
        assert world.get("Patient/james", said["access_token"]).status_code == 200
        assert world.get("Observation/james-0", said["access_token"]).status_code == 403


def test_keys_at_an_address_are_asked_for_once_and_again_for_one_that_is_new(world, monkeypatch):
    from careloop.api.smart import assertions

    asked = []
    published = {"keys": JWKS["keys"][:1]}

    def fetch(scope, url, now):
        asked.append(url)
        return json.dumps(published).encode()

    monkeypatch.setattr(assertions.keys, "fetch", fetch)
    app = world.backend(keys={}, keys_url="https://registry.example/jwks.json")
    assert world.by_itself(world.assertion(app, RSA, jti="1")).status_code == 200
    assert world.by_itself(world.assertion(app, RSA, jti="2")).status_code == 200
    assert asked == ["https://registry.example/jwks.json"]
    published["keys"] = JWKS["keys"]
    world.clock.move(seconds=11)
    assert world.by_itself(world.assertion(app, EC, jti="3")).status_code == 200
    assert len(asked) == 2


def test_introspection_tells_an_app_about_its_own_tokens_alone(world):
    app, secret = world.app_and_secret(way="secret")
    other, hers = world.app_and_secret("Diary", way="secret")
    said = world.exchange(app, world.code(app), client_secret=secret).json()

    def about(token, app, secret):
        form = {"token": token, "client_id": app.client_id, "client_secret": secret}
        return world.post("/oauth/introspect", form).json()

    found = about(said["access_token"], app, secret)
    assert found["active"]
    assert (found["client_id"], found["patient"], found["scope"]) == (app.client_id, "maria", SCOPES)
    assert found["fhirUser"].endswith("/Practitioner/ana")
    assert about(said["refresh_token"], app, secret)["active"]
    assert about(said["access_token"], other, hers) == {"active": False}
    assert about(said["refresh_token"], other, hers) == {"active": False}
    assert about("at-nothing", app, secret) == {"active": False}
    world.clock.move(seconds=301)
    assert about(said["access_token"], app, secret) == {"active": False}


def test_an_app_gives_back_what_it_holds(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    form = {"client_id": app.client_id, "token": said["access_token"], "token_type_hint": "refresh_token"}
    assert world.post("/oauth/revoke", form).status_code == 200
    assert world.get("Patient/maria", said["access_token"]).status_code == 401
    newer = world.refresh(app, said["refresh_token"]).json()
    form = {"client_id": app.client_id, "token": newer["refresh_token"]}
    assert world.post("/oauth/revoke", form).status_code == 200
    assert world.get("Patient/maria", newer["access_token"]).status_code == 401
    assert world.post("/oauth/revoke", form | {"token": "unknown"}).status_code == 200


def test_another_app_cannot_end_it(world):
    app, other = world.app(), world.app("Diary")
    said = world.exchange(app, world.code(app)).json()
    world.post("/oauth/revoke", {"client_id": other.client_id, "token": said["refresh_token"]})
    assert world.get("Patient/maria", said["access_token"]).status_code == 200


def test_a_secret_may_stand_in_the_header(world):
    import base64

    app, secret = world.app_and_secret(way="secret")
    proof = base64.b64encode(f"{app.client_id}:{secret}".encode()).decode()
    form = {
        "grant_type": "authorization_code",
        "code": world.code(app),
        "redirect_uri": "https://app.example/after",
        "code_verifier": VERIFIER,
    }
    answer = world.post("/oauth/token", form, Authorization=f"Basic {proof}")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"


def test_what_is_old_is_swept_and_a_live_family_stays(world):
    from careloop.accounts.smart_tokens import sweep

    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    world.clock.move(days=2)
    sweep(world.now)
    assert issued() == (0, 1)
    assert world.refresh(app, said["refresh_token"]).status_code == 200
    world.clock.at += timedelta(days=100)
    sweep(world.now)
    assert issued() == (0, 0)


def test_discovery_lists_what_is_there(world):
    said = world.client.get("/fhir/.well-known/smart-configuration").json()
    assert said["code_challenge_methods_supported"] == ["S256"]
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint", "authorization_endpoint"):
        path = said[name].removeprefix(BASE)
        assert world.client.get(path).status_code in (200, 400, 405), name
    assert world.client.get("/.well-known/openid-configuration").json()["issuer"] == said["issuer"] == BASE
    assert world.client.get(said["jwks_uri"].removeprefix(BASE)).json()["keys"]
    security = world.client.get("/fhir/metadata").json()["rest"][0]["security"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    uris = {each["url"]: each["valueUri"] for each in security["extension"][0]["extension"]}
    assert uris["token"] == said["token_endpoint"]
