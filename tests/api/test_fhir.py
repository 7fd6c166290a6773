"""The FHIR door, as a program meets it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from careloop.api.exchange import tokens
from careloop.api.routes import ROUTES
from careloop.fhir.definitions import RESOURCE_TYPES, search_params
from careloop.fhir.validate import problems
from tests.api.conftest import Door, text_of

MARIA = {
    "resourceType": "Patient",
    "name": [{"family": "Duarte", "given": ["Maria"]}],
    "birthDate": "1958-03-04",
}
CALL = {"resourceType": "Task", "status": "requested", "intent": "order"}


def audit_rows():
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from audit")
        return cursor.fetchone()[0]


def made(door, resource=MARIA):
    response = door.ask("POST", resource["resourceType"], resource)
    assert response.status_code == 201, response.content
    return json.loads(response.content)


# Who may


def test_every_route_has_a_rule_and_only_metadata_is_public():
    assert [route.pattern for route in ROUTES if route.rule not in ("public", "decided")] == []
    assert [route.pattern for route in ROUTES if route.rule == "public"] == [
        "metadata",
        ".well-known/smart-configuration",
    ]


@pytest.mark.parametrize("route", [r for r in ROUTES if r.rule != "public"], ids=lambda r: r.pattern)
def test_without_a_token_every_route_is_closed_and_the_refusal_is_audited(route, record):
    path = route.pattern
    for name, value in (
        ("<str:type>", "Patient"),
        ("<str:id>", "1"),
        ("<str:version>", "1"),
        ("<path:rest>", "a/b/c/d"),
    ):
        path = path.replace(name, value)
    before = audit_rows()
    for method in route.handlers:
        response = Door().ask(method, path)
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Bearer")
    assert audit_rows() == before + len(route.handlers)


def test_an_expired_or_revoked_token_is_refused(issue_token, now):
    client, token = issue_token("old", "system/*.cruds", expires_at=now - timedelta(days=36500))
    assert Door(token).ask("GET", "Patient").status_code == 401
    client, token = issue_token("revoked", "system/*.cruds")
    assert Door(token).ask("GET", "Patient").status_code == 200
    client.is_active = False
    client.save()
    tokens.forget()
    assert Door(token).ask("GET", "Patient").status_code == 401


def test_a_scope_opens_what_it_names_and_nothing_else(issue_token, door):
    own = made(door)
    reader = Door(issue_token("reader", "system/Patient.rs")[1])
    assert reader.ask("GET", f"Patient/{own['id']}").status_code == 200
    before = audit_rows()
    assert reader.ask("POST", "Patient", MARIA).status_code == 403
    assert reader.ask("GET", "Observation").status_code == 403
    assert reader.ask("PUT", f"Patient/{own['id']}", own).status_code == 403
    assert audit_rows() == before + 3


# The life of a resource


def test_a_person_is_made_read_changed_and_remembered(door):
    response = door.ask("POST", "Patient", MARIA)
    own = json.loads(response.content)
    assert response["ETag"] == 'W/"1"'
    assert response["Location"].endswith(f"/fhir/Patient/{own['id']}/_history/1")
    assert response["Last-Modified"].endswith("GMT")
    read = door.ask("GET", f"Patient/{own['id']}")
    assert json.loads(read.content) == own
    assert "private" in read["Cache-Control"]
    changed = door.ask("PUT", f"Patient/{own['id']}", {**own, "gender": "female"}, If_Match='W/"1"')
    assert (changed.status_code, changed["ETag"]) == (200, 'W/"2"')
    assert "gender" not in json.loads(door.ask("GET", f"Patient/{own['id']}/_history/1").content)
    history = json.loads(door.ask("GET", f"Patient/{own['id']}/_history").content)
    assert (history["type"], history["total"]) == ("history", 2)
    assert [entry["response"]["etag"] for entry in history["entry"]] == ['W/"2"', 'W/"1"']
    assert problems(history) == []
    for part in ("?_count=1", "?_before=2"):  # a part of it does not say how many there are
        assert "total" not in json.loads(door.ask("GET", f"Patient/{own['id']}/_history{part}").content)


def test_an_unchanged_resource_is_not_sent_again(door):
    own = made(door)
    where = f"Patient/{own['id']}"
    first = door.ask("GET", where)
    again = door.ask("GET", where, If_None_Match=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert door.ask("GET", where, If_Modified_Since=first["Last-Modified"]).status_code == 304
    assert door.ask("GET", where, If_None_Match='W/"9"').status_code == 200


def test_the_answer_is_as_short_as_asked_for(door):
    assert door.ask("POST", "Patient", MARIA, Prefer="return=minimal").content == b""
    assert "saved" in text_of(door.ask("POST", "Patient", MARIA, Prefer="return=OperationOutcome"))


def test_search_pages_by_links_and_by_form(door):
    for at in range(3):
        made(door, {**MARIA, "name": [{"family": f"Duarte{at}"}]})
    first = json.loads(door.ask("GET", "Patient?family=duarte&_count=2").content)
    links = {link["relation"]: link["url"] for link in first["link"]}
    assert len(first["entry"]) == 2
    assert "family=duarte" in links["self"]
    rest = json.loads(
        door.client.get(links["next"], headers={"Authorization": f"Bearer {door.token}"}).content
    )
    assert len(rest["entry"]) == 1
    assert problems(first) == []
    form = door.ask(
        "POST", "Patient/_search", b"family=duarte1", Content_Type="application/x-www-form-urlencoded"
    )
    assert len(json.loads(form.content)["entry"]) == 1


def test_a_transaction_is_all_or_nothing(door):
    entry = {"fullUrl": "urn:uuid:9d2f3cd6-0f3a-4a55-9f6b-0e1f1c6f0a01", "resource": MARIA,
             "request": {"method": "POST", "url": "Patient"}}  # fmt: skip
    task = {**CALL, "for": {"reference": entry["fullUrl"]}}
    good = {"resourceType": "Bundle", "type": "transaction",
            "entry": [entry, {"resource": task, "request": {"method": "POST", "url": "Task"}}]}  # fmt: skip
    response = door.ask("POST", "http://testserver/fhir", good)
    assert response.status_code == 200, response.content
    kept = json.loads(door.ask("GET", "Task").content)["entry"][0]["resource"]
    assert kept["for"]["reference"].startswith("Patient/")
    bad = {
        **good,
        "entry": [entry, {"resource": {**task, "status": "x"}, "request": {"method": "POST", "url": "Task"}}],
    }
    assert door.ask("POST", "", bad).status_code == 422
    assert len(json.loads(door.ask("GET", "Patient").content)["entry"]) == 1


def test_metadata_comes_from_the_code(record):
    statement = json.loads(Door().ask("GET", "metadata").content)
    assert problems(statement) == []
    resources = {r["type"]: r for r in statement["rest"][0]["resource"]}
    assert resources.keys() == RESOURCE_TYPES
    assert {p["name"] for p in resources["Task"]["searchParam"]} == set(search_params("Task"))
    assert {x["code"] for x in resources["Task"]["interaction"]} == {
        "read", "vread", "create", "update", "history-instance", "search-type",
    }  # fmt: skip


# Bad input


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"hello", 400, "Line 1"),
        (b" ", 400, "empty"),
        (b"[" * 5000, 400, "64 levels"),
        (b'{"resourceType":"Patient","active":true,"active":true}', 400, "comes twice"),
        (b'{"resourceType":"Patient","birthDate":"1958-02-30"}', 422, "calendar"),
        (b'{"resourceType":"Task"}', 400, "is for Patient"),
        (b'{"resourceType":"Patient","x":"' + b"y" * 10_500_000 + b'"}', 413, "10 MB"),
    ],
)
def test_a_bad_body_is_refused_in_words(door, body, status, says):
    response = door.ask("POST", "Patient", body)
    assert response.status_code == status
    assert says in text_of(response)


def test_formats_are_json_only(door):
    assert door.ask("GET", "Patient", Accept="application/fhir+xml").status_code == 406
    assert door.ask("GET", "Patient?_format=xml").status_code == 406
    assert door.ask("GET", "Patient?_format=json", Accept="text/html").status_code == 200
    assert door.ask("POST", "Patient", MARIA, Content_Type="application/fhir+xml").status_code == 415
    assert b"\n  " in door.ask("GET", "Patient?_pretty=true").content


def test_unknown_types_operations_and_methods(door):
    before = audit_rows()
    assert door.ask("GET", "Pacient").status_code == 404
    assert door.ask("GET", "Pacient/1").status_code == 404
    assert door.ask("GET", "$everything").status_code == 404
    assert door.ask("GET", "Patient/1/$everything/x/y").status_code == 404
    assert audit_rows() == before + 4
    refused = door.ask("DELETE", "Patient/1")
    assert (refused.status_code, refused["Allow"]) == (405, "GET, PUT")
    assert door.ask("GET", "Patient/none").status_code == 404
    batch = {"resourceType": "Bundle", "type": "batch"}
    assert "later" in text_of(door.ask("POST", "", batch))


def test_a_stale_or_missing_version_is_refused(door):
    own = made(door, CALL)
    where = f"Task/{own['id']}"
    assert door.ask("PUT", where, own).status_code == 428
    changed = {**own, "status": "accepted"}
    assert door.ask("PUT", where, changed, If_Match='W/"7"').status_code == 412
    assert door.ask("PUT", where, changed, If_Match="nonsense").status_code == 400
    assert door.ask("PUT", where, changed, If_Match='W/"1"').status_code == 200


def test_an_unknown_search_word_is_refused(door):
    assert door.ask("GET", "Patient?shoe-size=9").status_code == 400


def test_a_failure_of_ours_says_only_its_number(door, monkeypatch, caplog):
    from careloop import store

    def broken(*args, **more):
        raise RuntimeError("Maria Duarte")

    monkeypatch.setattr(store, "open", broken)
    response = door.ask("GET", "Patient/1")
    assert response.status_code == 500
    assert response["X-Request-Id"] in text_of(response)
    assert "Duarte" not in caplog.text + response.content.decode()


# Races


def racing(count, work):
    def alone(at):
        try:
            return work(at)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(alone, range(count)))


def test_of_32_that_create_the_same_one_makes_it(door):
    maria = {**MARIA, "identifier": [{"system": "urn:mrn", "value": "1"}]}

    def create(at):
        return (
            Door(door.token).ask("POST", "Patient", maria, If_None_Exist="identifier=urn:mrn|1").status_code
        )

    found = racing(32, create)
    assert (found.count(201), found.count(200)) == (1, 31)


def test_of_32_that_change_the_same_version_one_wins(door):
    own = made(door, CALL)

    def claim(at):
        changed = {**own, "description": f"mine {at}"}
        return Door(door.token).ask("PUT", f"Task/{own['id']}", changed, If_Match='W/"1"').status_code

    found = racing(32, claim)
    assert (found.count(200), found.count(412)) == (1, 31)
