"""Whatever comes to the FHIR door gets an answer in words, soon, and never a failure of ours."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.api import routes
from careloop.api.strangers import REFUSALS, strangers
from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.store import commit, connection, sight
from tests.api.conftest import Door, text_of
from tests.store.rows import one

MARIA: dict[str, Any] = {
    "resourceType": "Patient",
    "name": [{"family": "Duarte", "given": ["Maria"]}],
    "birthDate": "1958-03-04",
}
QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@pytest.fixture(autouse=True)
def _strangers_forgotten() -> None:
    strangers.forget()


def is_outcome(response: Any) -> bool:
    return bool(json.loads(response.content)["resourceType"] == "OperationOutcome")


# --- 15, 22: odd, too much, not reachable


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "says"),
    [
        ("GET", "Patient", {"Host": "elsewhere.example"}, 400, "Host"),
        ("POST", "Patient", {"Content_Type": "application/fhir+json; charset=latin-1"}, 415, "UTF-8"),
        ("POST", "Patient", {"Content_Type": "application/fhir+json; charset=klingon"}, 415, "klingon"),
        ("POST", "Patient", {"Content_Type": ""}, 415, "FHIR JSON"),
        ("POST", "Patient/_search", {"Content_Type": "application/json"}, 415, "form"),
        (
            "POST",
            "Patient/_search",
            {"Content_Type": "application/x-www-form-urlencoded; charset=latin-1"},
            400,
            "UTF-8",
        ),
        ("GET", "Patient?" + "&".join(f"a{n}=1" for n in range(1_200)), {}, 413, "too many"),
        ("GET", "Patient?family=%00", {}, 400, "NUL"),
        ("GET", "Patient?identifier=%00", {}, 400, "NUL"),
        ("GET", "Patient?%00=1", {}, 400, ""),
        ("GET", "Patient?birthdate=99999999999-01", {}, 400, "birthdate"),
        ("GET", "Observation?value-quantity=1e999999", {}, 400, "value-quantity"),
        ("GET", "Patient?_count=-1", {}, 400, "_count"),
        ("GET", "Patient?_cursor=AAAA", {}, 400, "_cursor"),
        ("GET", "Patient/%00", {}, 404, ""),
        ("GET", "Patient/" + "x" * 65, {}, 404, ""),
        ("GET", "Patient/a%2Fb", {}, 404, ""),
        ("GET", "Patient/1/_history/%00", {}, 404, ""),
        ("GET", "Patient/1/_history/%C2%B2", {}, 404, ""),
        ("GET", "Patient/1/_history?_count=%C2%B2", {}, 400, "_count"),
        ("GET", "AuditEvent?_count=%C2%B2", {}, 400, "_count"),
        ("GET", "AuditEvent?agent=%C2%B2", {}, 400, "agent"),
        ("GET", "Patient/1/_history/99999999999", {}, 404, ""),
        ("GET", "Patient/1/_history?_count=99999999999", {}, 400, "_count"),
        ("GET", "Patient/1/_history?_before=0", {}, 404, ""),
        ("PUT", "Patient/%00", {}, 400, "id"),
        ("PUT", "Task/t1", {"If_Match": 'W/"99999999999999"'}, 400, "If-Match"),
        ("PUT", "Task/t1", {"If_Match": 'W/"-1"'}, 400, "If-Match"),
        ("PUT", "Task/t1", {"If_Match": "*"}, 400, "If-Match"),
        ("PUT", "Task/t1", {"If_Match": ""}, 400, "If-Match"),
        ("POST", "Patient", {"If_None_Exist": ""}, 400, "If-None-Exist"),
        ("POST", "Patient", {"If_None_Exist": "shoe-size=9"}, 400, "shoe-size"),
        ("POST", "Patient", {"If_None_Exist": "identifier=%00"}, 400, "NUL"),
        ("GET", "Patient", {"If_Modified_Since": "yesterday"}, 200, ""),
        ("DELETE", "", {}, 405, "POST"),
        ("PROPFIND", "Patient", {}, 405, "GET"),
        ("GET", "Patient?_sort=" + ",".join(["-birthdate"] * 400), {}, 400, "_sort"),
        ("GET", "Patient?family=" + "," * 5_000, {}, 400, ""),
        ("GET", "Patient?family=" + "x" * 20_000, {}, 400, "200 characters"),
    ],
)  # fmt: skip
def test_an_odd_request_is_answered_in_words(
    door: Door, method: str, path: str, headers: dict[str, str], status: int, says: str
) -> None:
    body = MARIA if method in ("POST", "PUT") else None
    if path.startswith("Task/"):
        body = {"resourceType": "Task", "id": "t1", "status": "requested", "intent": "order"}
    response = door.ask(method, path, body, **headers)
    assert response.status_code == status, response.content
    if status >= 400:
        assert says in text_of(response)


@pytest.mark.parametrize("odd", [7, None, "x", [7], [None], [[]], [{}]])
@pytest.mark.parametrize("element", ["meta", "identifier", "author"])
def test_an_odd_plan_is_refused_in_words(door: Door, element: str, odd: Any) -> None:
    """A program's plan is looked at before it is validated, to say where it came from."""
    plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", element: odd}
    response = door.ask("POST", "CarePlan", plan)
    assert 400 <= response.status_code < 500, response.content


def test_a_bundle_of_too_many_entries_is_too_large(door: Door) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{}] * 1_001}
    response = door.ask("POST", "", bundle)
    assert (response.status_code, "1,000" in text_of(response)) == (413, True)


@pytest.mark.parametrize(
    "entry",
    [
        7,
        {},
        {"entry": 7},
        {"entry": {}},
        {"entry": [7]},
        {"entry": [None]},
        {"entry": [{"request": 7}]},
        {"entry": [{"request": None}]},
        {"entry": [{"request": {"method": ["POST"], "url": "Patient"}, "resource": MARIA}]},
        {"entry": [{"request": {"method": "POST", "url": 7}, "resource": MARIA}]},
        {"entry": [{"request": {"method": "POST", "url": "Patient"}, "resource": [MARIA]}]},
        {"entry": [{"request": {"method": "POST", "url": "Patient"}, "resource": MARIA, "fullUrl": [None]}]},
        {"entry": [{"request": {"method": "POST", "url": "Patient", "ifNoneExist": {}}, "resource": MARIA}]},
        {"entry": [{"request": {"method": "PUT", "url": "Patient/x", "ifMatch": 1}, "resource": MARIA}]},
        {"entry": [{"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": 7}}]},
        {
            "entry": [
                {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": ["Patient"]}}
            ]
        },
        {
            "entry": [
                {"request": {"method": "PUT", "url": "Task/x"}, "resource": {"resourceType": "Task", "id": 7}}
            ]
        },
        {"entry": [{"request": {"method": "PUT", "url": "?"}, "resource": MARIA}]},
        {"entry": [{"request": {"method": "GET", "url": "Patient/x/y/z?a=b"}}]},
        {"entry": [{"request": {"method": "DELETE", "url": ""}}]},
    ],
)
def test_an_odd_transaction_is_refused_in_words(door: Door, entry: Any) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction", **(entry if isinstance(entry, dict) else {})}
    before = one("select count(*) from versions")
    response = door.ask("POST", "", bundle)
    assert response.status_code < 500, response.content
    if bundle.get("entry"):
        assert response.status_code >= 400
        assert text_of(response)
    assert one("select count(*) from versions") == before


def test_without_a_database_it_says_when_to_come_back(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.ask("GET", "Patient")

    def away() -> Any:
        raise commit.RecordUnavailable

    monkeypatch.setattr(commit, "keeper", away)
    for method, body in (("GET", None), ("POST", MARIA)):
        response = door.ask(method, "Patient", body)
        assert (response.status_code, response["Retry-After"]) == (503, "2")
        assert "try again" in text_of(response)


def test_a_connection_that_broke_is_one_503_and_no_more(door: Door) -> None:
    """The server was restarted under us: what was asked on the old connection fails; the next request has a new one."""
    door.ask("GET", "Patient")
    connection.keeper().pg.close()
    first = door.ask("POST", "Patient", MARIA)
    assert first.status_code in (201, 503)
    assert door.ask("POST", "Patient", MARIA).status_code == 201


def test_a_connection_killed_by_the_server_is_replaced(door: Door) -> None:
    door.ask("GET", "Patient")
    pid = connection.keeper().pg.info.backend_pid
    one("select pg_terminate_backend(%s)", pid)
    first = door.ask("GET", "Patient")
    assert first.status_code in (200, 503)
    if first.status_code == 503:
        assert first["Retry-After"] == "2"
    assert door.ask("GET", "Patient").status_code == 200


def test_when_the_database_takes_too_long_it_is_too_costly(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(unit: Any, query: Any) -> Any:
        unit.cursor().execute("select pg_sleep(1)")

    connection.keeper().cursor().execute("set statement_timeout = 50")
    try:
        monkeypatch.setattr(sight.search, "run", slow)
        response = door.ask("GET", "Patient")
    finally:
        connection.keeper().cursor().execute("set statement_timeout = 5000")
    assert (response.status_code, "Narrow it down" in text_of(response)) == (400, True)


def test_a_database_error_of_another_kind_quotes_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*asked: Any) -> Any:
        raise psycopg.errors.DiskFull("Maria Duarte does not fit on the disk")

    monkeypatch.setattr(sight.search, "run", failing)
    response = door.ask("GET", "Patient")
    assert response.status_code == 503
    assert b"Duarte" not in response.content


# --- 1, 10: strangers


def test_strangers_are_written_down_then_told_to_wait_and_clients_are_not(door: Door) -> None:
    stranger = Door("not a token")
    before = int(one("select count(*) from audit where outcome = 4 and actor = 0"))
    answers = [stranger.ask("GET", "Patient") for _ in range(REFUSALS + 5)]
    assert [a.status_code for a in answers] == [401] * REFUSALS + [429] * 5
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert is_outcome(answers[-1])
    assert int(one("select count(*) from audit where outcome = 4 and actor = 0")) == before + REFUSALS
    assert door.ask("GET", "Patient").status_code == 200, "the same address with a valid token"


def test_a_minute_later_a_stranger_may_try_again() -> None:
    exchange: Any = RequestFactory().get("/fhir/Patient", REMOTE_ADDR="10.0.0.1")
    exchange.now = datetime.fromisoformat("2026-11-23T15:00:00+00:00")
    assert [strangers.refused(exchange) is None for _ in range(REFUSALS + 1)] == [True] * REFUSALS + [False]
    exchange.now += timedelta(seconds=61)
    assert strangers.refused(exchange) is None


# --- the short way in


def test_the_door_looks_at_no_session_and_is_no_page(door: Door, django_assert_num_queries: Any) -> None:
    response = door.ask("GET", "Patient", Cookie="sessionid=abc; csrftoken=def", Accept_Language="es")
    assert response.status_code == 200
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert (response["X-Frame-Options"], response["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert response["X-Request-Id"]
    assert response["Content-Length"] == str(len(response.content))
    assert "Set-Cookie" not in response
    assert "Content-Language" not in response
    assert "Cookie" not in response.get("Vary", "")


def test_only_the_door_is_short(door: Door) -> None:
    assert door.client.get("/fhirx").status_code == 404
    assert "text/html" in door.client.get("/fhirx")["Content-Type"]
    assert door.ask("POST", "http://testserver/fhir", MARIA).status_code == 400
    names = django_settings.MIDDLEWARE
    door_at = names.index("careloop.server.middleware.FhirDoor")
    assert names.index("django.middleware.security.SecurityMiddleware") < door_at
    assert names.index("careloop.server.csp.Headers") == 0


# --- 20: what was searched for stands in no address


def test_a_search_by_form_leaves_no_word_in_any_link(door: Door) -> None:
    for at in range(3):
        door.ask("POST", "Patient", {**MARIA, "name": [{"family": f"Duarte{at}"}]})
    form = b"family=duarte&birthdate=1958-03-04&_count=1&_sort=family&_total=accurate"
    kind = "application/x-www-form-urlencoded"
    page = json.loads(door.ask("POST", "Patient/_search", form, Content_Type=kind).content)
    seen, links = [], []
    while True:
        assert page["total"] == 3
        seen += [entry["resource"]["name"][0]["family"] for entry in page["entry"]]
        links += [link["url"] for link in page["link"]]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            break
        page = json.loads(door.ask("GET", following[0]).content)
    assert seen == ["Duarte0", "Duarte1", "Duarte2"]
    for link in links:
        assert not any(word in link.lower() for word in ("duarte", "1958", "family", "birthdate"))
    assert "one that we gave out" in text_of(door.ask("GET", following_of_another_type(links)))


def following_of_another_type(links: list[str]) -> str:
    return next(link for link in links if "_cursor" in link).replace("/Patient?", "/Practitioner?")


def test_a_cursor_shows_nothing_of_the_row_it_stands_at(door: Door) -> None:
    import base64

    for at in range(3):
        door.ask("POST", "Patient", {**MARIA, "name": [{"family": f"Duarte{at}"}]})
    page = json.loads(door.ask("GET", "Patient?_sort=family&_count=1").content)
    cursor = page["link"][-1]["url"].partition("_cursor=")[2]
    assert b"duarte" not in base64.urlsafe_b64decode(cursor + "==").lower()


# --- fuzz: never a 500


def answers_in_words(door: Door, method: str, path: str, body: Any, **headers: str) -> None:
    begun = time.thread_time()  # ours, not that of whatever else this machine does
    response = door.ask(method, path, body, **headers)
    assert response.status_code < 500, (method, path, response.content)
    assert time.thread_time() - begun < 2
    if response.status_code >= 400:
        assert is_outcome(response)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=12)
    | st.sampled_from(["Patient/1", "#x", "urn:uuid:1", "2026-02-30", "Patient?family=x", "\x00", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "resourceType",
                        "id",
                        "meta",
                        "name",
                        "family",
                        "given",
                        "extension",
                        "contained",
                        "entry",
                    ),
                    *(
                        "request",
                        "resource",
                        "method",
                        "url",
                        "fullUrl",
                        "type",
                        "subject",
                        "reference",
                        "value",
                    ),
                    *(
                        "identifier",
                        "system",
                        "coding",
                        "code",
                        "status",
                        "birthDate",
                        "_birthDate",
                        "ifMatch",
                    ),
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Anything; something like a resource or a transaction; and one of these with a byte changed."""
    kind = draw(
        st.sampled_from(["Patient", "Observation", "Task", "Bundle", "Provenance", "QuestionnaireResponse"])
    )
    found = draw(st.dictionaries(st.text(max_size=5), json_values, max_size=3))
    whole: Any = {"resourceType": kind, **found, **draw(st.sampled_from([{}, MARIA, {"id": "x"}]))}
    if kind == "Bundle":
        request = st.fixed_dictionaries(
            {
                "method": st.sampled_from(["POST", "PUT", "GET", "DELETE", "PATCH", ""]),
                "url": st.sampled_from(
                    ["Patient", "Patient/x", "Patient?family=x", "Task/", "/", "?", "Nope/1"]
                ),
            }
        )
        entry = st.fixed_dictionaries(
            {
                "request": request | json_values,
                "resource": st.just(MARIA) | json_values,
                "fullUrl": json_values,
            }
        )
        whole = {"resourceType": "Bundle", "type": "transaction", "entry": draw(st.lists(entry, max_size=3))}
    body = json.dumps(whole).encode()
    if draw(st.booleans()) and body:
        at = draw(st.integers(0, len(body) - 1))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + 1 :]
    return draw(st.sampled_from([body, body[: len(body) // 2]]) | st.binary(max_size=40) | st.just(body))


def test_no_body_makes_the_door_fail(door: Door) -> None:
    @settings(max_examples=250, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)
    @given(
        bodies(),
        st.sampled_from(["POST ", "POST Patient", "PUT Patient/x", "PUT Task/x", "POST Observation"]),
    )
    def holds(body: bytes, where: str) -> None:
        method, _, path = where.partition(" ")
        answers_in_words(door, method, path, body)

    holds()


def test_no_address_makes_the_door_fail(door: Door) -> None:
    texts = st.text(max_size=20) | st.sampled_from(
        ["gt2026", "a|b|c", "$$", "\\", "1e308", "9" * 400, "-0", "\x00"]
    )
    names = st.sampled_from(
        [
            *("family", "birthdate", "identifier", "_id", "_sort", "_count", "_cursor", "_total", "_summary"),
            *(
                "value-quantity",
                "code-value-quantity",
                "subject",
                "date",
                "_lastUpdated",
                "url",
                "probability",
            ),
        ]
    ) | st.text(max_size=6)
    kinds = st.sampled_from(["Patient", "Observation", "RiskAssessment", "ValueSet", "Task"])

    @settings(max_examples=350, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)
    @given(
        kinds,
        st.lists(st.tuples(names, texts), max_size=3),
        st.sampled_from(["", "/{}", "/{}/_history/{}"]),
        texts,
    )
    def holds(kind: str, pairs: list[tuple[str, str]], tail: str, part: str) -> None:
        safe = spelled(part)
        query = "&".join(f"{spelled(name)}={spelled(text)}" for name, text in pairs)
        answers_in_words(door, "GET", f"{kind}{tail.format(safe, safe)}?{query}", None)

    holds()


def spelled(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def test_every_route_has_a_rule_and_a_type_that_is_none_of_ours_has_none(door: Door) -> None:
    assert {route.rule for route in routes.ROUTES} == {"public", "decided"}
    assert [route.pattern for route in routes.ROUTES if route.rule == "public"] == [
        "metadata",
        ".well-known/smart-configuration",
    ]
    assert "Pacient" not in RESOURCE_TYPES
