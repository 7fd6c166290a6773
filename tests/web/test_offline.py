"""What was asked where there was no network comes in once, through the same checks; and nothing comes in that is old,
somebody else's, or changed on the way."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from careloop import store
from careloop.accounts.models import User
from careloop.actions.send_offline import send_offline, sheet_of
from careloop.actions.take_offline import fitting
from careloop.fhir.elements import fhir_instant
from careloop.library import load
from tests.conftest import owner_connection
from tests.projections import builders as b
from tests.projections.ward import HOUSE
from tests.web.desk import HTMX, PASSWORD, Desk, at_the_desk
from tests.web.test_assess import begin, on_call, say

PHQ = (*load().instruments["phq-9"].scoring.items, "difficulty")


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def take(desk: Desk, person: str = "maria", password: str = PASSWORD) -> dict[str, Any]:
    answer = desk.client.post(f"/people/{person}/take-along", {"password": password})
    assert answer.status_code == 200, answer.content.decode()[:800]
    return dict(answer.json())


def said(at: datetime, value: str = "several-days", **but: str) -> dict[str, Any]:
    stamp = at.isoformat()
    values = {**dict.fromkeys(PHQ, value), "thoughts": "not-at-all", "difficulty": "somewhat", **but}
    return {
        key: {"values": [v], "absent": None, "at": stamp, "seen": "", "mine": True}
        for key, v in values.items()
    }


def sheet(packet: dict[str, Any], answers: dict[str, Any], now: datetime, **more: Any) -> dict[str, Any]:
    asked = {"language": "en", "source": "Patient/maria", "heard_from": "", "interpreter": ""}
    return {
        "ticket": packet["ticket"],
        "sheet": "a" * 32,
        "instrument": "phq-9",
        "answers": answers,
        "asked": asked,
        "safety": None,
        "finished": True,
        "now": now.isoformat(),
        "decided": {},
        **more,
    }


def send(desk: Desk, body: Any, status: int = 200, client: Client | None = None) -> dict[str, Any]:
    answer = (client or desk.client).post("/offline/send", json.dumps(body), content_type="application/json")
    assert answer.status_code == status, answer.content.decode()[:1500]
    return dict(answer.json())


def utc(at: datetime) -> str:
    return fhir_instant(at)[:16]


def of_maria(desk: Desk, kind: str = "QuestionnaireResponse") -> list[dict[str, Any]]:
    with store.open(HOUSE, now=desk.clock()) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        return [each.resource for each in unit.of_person(rid, [kind])]


def refused(desk: Desk, body: Any, status: int, words: str, client: Client | None = None) -> None:
    told = send(desk, body, status, client)
    assert told["state"] == "refused"
    assert words in told["because"], told
    assert "still on this device" in told["todo"]
    assert of_maria(desk) == []


# --- taking along


def test_what_goes_along_is_the_questions_and_the_least_of_the_person(desk: Desk) -> None:
    page = desk.page("/people/maria/take-along")
    assert "Take along" in page
    assert "Encrypted under your password" in page
    packet = take(desk)
    assert packet["person"]["name"] == "Maria Duarte"
    assert set(packet["person"]) == {
        *("id", "name", "age", "language", "interpreter", "pronouns", "safety", "safe_contact"),
    }
    taken = {each["id"] for each in packet["instruments"]}
    assert {"phq-9", "intake", "transition-call"} <= taken
    assert "private-safety" not in taken, "what is asked in private alone never lies on a device"
    critical = next(each for each in packet["instruments"] if each["id"] == "phq-9")["critical"][0]
    assert critical["numbers"][0] == "988"
    assert critical["when"] == {"path": "value/thoughts", "operator": "at_least", "value": "1"}
    with owner_connection() as owner:
        found = owner.execute("select detail from audit where detail is not null").fetchall()
    detail = [zlib.decompress(row[0]).decode() for row in found]
    assert any("taken along on a device" in each for each in detail)


def test_all_our_plain_questions_fit(desk: Desk) -> None:
    library = load()
    assert {i.id for i in library.instruments.values()} - {i.id for i in fitting(library)} == {
        "private-safety"
    }


def test_taking_along_needs_the_password_and_a_person_who_is_hers(desk: Desk) -> None:
    answer = desk.client.post("/people/maria/take-along", {"password": "a quiet Sunday evening"})
    assert answer.status_code == 422
    assert answer.json() == {"problem": "That is not your password."}
    assert desk.client.post("/people/walter/take-along", {"password": PASSWORD}).status_code == 404
    desk.user.set_password("short one")
    desk.user.save()
    desk.client.force_login(desk.user)
    assert "15" in desk.client.post("/people/maria/take-along", {"password": "short one"}).json()["problem"]


def test_who_writes_no_answers_takes_nothing_along(desk: Desk) -> None:
    desk.user.roles = ["auditor"]
    desk.user.save()
    answer = desk.client.post("/people/maria/take-along", {"password": PASSWORD})
    assert answer.status_code in (403, 404)


def test_the_page_of_the_device_has_nobody_in_it(desk: Desk) -> None:
    page = desk.client.get("/offline/").content.decode()
    assert page == Client().get("/offline/").content.decode(), "signed in or not, the same page"
    assert "csrf" not in page
    worker = desk.client.get("/offline/worker.js")
    assert worker["Content-Type"].startswith("text/javascript")
    assert "/people" not in worker.content.decode()
    assert Client().get("/offline/now", headers=HTMX).status_code == 401
    assert "worker-src 'self'" in desk.client.get("/offline/")["Content-Security-Policy"]


# --- sending


def test_it_comes_in_once_though_its_answer_was_lost(desk: Desk, now: datetime) -> None:
    packet = take(desk)
    desk.later(hours=3)
    body = sheet(packet, said(now + timedelta(hours=2), "more-than-half"), now + timedelta(hours=3))
    first = send(desk, body)
    assert first["state"] == "done"
    assert send(desk, body) == first, "the same answer, and nothing written"
    (kept,) = of_maria(desk)
    assert kept["status"] == "completed"
    assert kept["authored"].startswith(utc(now + timedelta(hours=2))), "when it was said"
    assert kept["source"]["reference"] == "Patient/maria"
    assert len(of_maria(desk, "CarePlan")) == 1, "and one proposal"
    assert "16" in desk.page(first["url"])


def test_two_sendings_at_once_make_one(desk: Desk, now: datetime) -> None:
    packet = take(desk)
    body = sheet(packet, said(now), now)
    ticket, read = sheet_of(body)
    scope = desk.ward.scope
    own = replace(scope, actor=replace(scope.actor, principal=desk.user.principal_id))
    with ThreadPoolExecutor(4) as pool:
        sent = list(
            pool.map(lambda _: closing(lambda: send_offline(own, ticket, read, load(), now)), range(4))
        )
    assert len({each.response.id for each in sent if each.response}) == 1
    assert len(of_maria(desk)) == 1


def closing(act: Any) -> Any:
    try:
        return act()
    finally:
        connection.close()


def test_the_devices_clock_may_be_wrong(desk: Desk, now: datetime) -> None:
    packet = take(desk)
    desk.later(hours=5)
    there = now + timedelta(days=400)  # said an hour before it was sent, by a clock more than a year ahead
    send(desk, sheet(packet, said(there - timedelta(hours=1)), there))
    assert of_maria(desk)[0]["authored"].startswith(utc(now + timedelta(hours=4)))


def test_what_is_critical_is_urgent_with_the_time_when_it_was_said(desk: Desk, now: datetime) -> None:
    on_call("Ben Osei", 1, "ben")
    packet = take(desk)
    desk.later(hours=2)
    heard = now + timedelta(hours=1)
    body = sheet(
        packet, {"thoughts": said(heard, thoughts="several-days")["thoughts"]}, desk.clock(), finished=False
    )
    told = send(desk, body)
    assert (told["state"], told["alarmed"], told["covered"]) == ("kept", True, True)
    assert send(desk, body)["alarmed"] is False
    (task,) = [t for t in of_maria(desk, "Task") if t["code"]["coding"][0]["code"] == "urgent-suicide-risk"]
    assert task["authoredOn"].startswith(utc(heard))
    assert "it came in only now" in task["note"][0]["text"]
    assert of_maria(desk)[0]["status"] == "in-progress"
    rest = sheet(packet, said(heard, thoughts="several-days"), desk.clock())
    assert send(desk, rest)["because"] == [
        "First write down where the person is and whether the person is safe now."
    ]
    unsafe = {"where": "", "callback": "", "safe": "unsure", "at": heard.isoformat()}
    safe = {
        **{"where": "in her kitchen", "callback": "713 555 0148", "safe": "yes"},
        "at": (heard + timedelta(minutes=2)).isoformat(),
    }
    for told_now in (unsafe, safe, safe, unsafe):  # what was said earlier changes nothing any more
        send(desk, {**body, "safety": told_now})
    (task,) = [t for t in of_maria(desk, "Task") if t["code"]["coding"][0]["code"] == "urgent-suicide-risk"]
    assert [note["text"] for note in task["note"]][:2] == [
        "Where: in her kitchen. Call back: 713 555 0148. Safe now: yes.",
        "Where: not told. Call back: not told. Safe now: not sure.",
    ]
    assert send(desk, {**rest, "safety": safe})["state"] == "done"
    assert len(of_maria(desk)) == 1


def test_what_is_not_finished_waits_in_the_record_and_says_why(desk: Desk, now: datetime) -> None:
    packet = take(desk)
    told = send(desk, sheet(packet, {"mood": said(now)["mood"]}, now))
    assert told["state"] == "kept"
    assert len(told["because"]) == 8
    assert "There is no answer yet." in told["because"][0]
    assert "1 of" in desk.page(told["url"])


def test_an_answer_that_stands_otherwise_is_decided_by_her(desk: Desk, now: datetime) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, mood="not-at-all")
    packet = take(desk)
    assert packet["begun"]["phq-9"]["answers"]["mood"]["values"] == ["not-at-all"]
    desk.later(minutes=10)
    say(desk, draft, mood="nearly-every-day")
    answers = said(now + timedelta(minutes=5))
    answers["mood"]["seen"] = packet["begun"]["phq-9"]["answers"]["mood"]["at"]
    body = sheet(packet, answers, desk.clock())
    told = send(desk, body, 409)
    assert [(each["key"], each["here"], each["there"]) for each in told["answers"]] == [
        ("mood", "Several days", "Nearly every day")
    ]
    assert of_maria(desk) == [], "nothing was written over"
    send(desk, {**body, "decided": {"answers": {"mood": "there"}}})
    (kept,) = of_maria(desk)
    assert "Nearly every day" in json.dumps(kept)


def test_what_she_saw_before_she_left_is_no_conflict(desk: Desk, now: datetime) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, mood="not-at-all")
    known = take(desk)["begun"]["phq-9"]["answers"]["mood"]["at"]
    packet = take(desk)
    answers = said(now)
    answers["mood"]["seen"] = known
    assert send(desk, sheet(packet, answers, now))["state"] == "done"


def test_the_same_questions_finished_meanwhile_are_looked_at_first(desk: Desk, now: datetime) -> None:
    packet = take(desk)
    desk.later(minutes=30)
    other = begin(desk, "phq-9", language="en")
    for item in PHQ:
        say(desk, other, **{item.replace("-", "_"): "not-at-all"} if item != "difficulty" else {})
    assert desk.client.post(f"{other}complete", {}).status_code == 302
    body = sheet(packet, said(now), desk.clock())
    told = send(desk, body, 409)
    assert told["beside"]["by"] == "Ana Reyes"
    assert len(of_maria(desk)) == 1
    assert send(desk, {**body, "decided": {"beside": told["beside"]["id"]}})["state"] == "done"
    assert len(of_maria(desk)) == 2


def test_a_person_who_is_called_otherwise_now_is_asked_about(desk: Desk, now: datetime) -> None:
    packet = take(desk)
    desk.ward.has({**b.patient("maria", "Maria", "Duarte-Lopez"), "id": "maria"})
    body = sheet(packet, said(now), now)
    assert "Duarte-Lopez" in send(desk, body, 409)["who"]
    assert of_maria(desk) == []
    assert send(desk, {**body, "decided": {"who": True}})["state"] == "done"


# --- refused, with words of what to do, and nothing written


def test_old_altered_and_foreign_packets_are_refused(desk: Desk, now: datetime) -> None:
    packet = take(desk)
    body = sheet(packet, said(now), now)
    refused(desk, {**body, "ticket": packet["ticket"][:-2] + "xx"}, 422, "did not come from here")
    refused(desk, {**body, "sheet": "../../x"}, 422, "did not come from here")
    refused(desk, {**body, "instrument": "private-safety"}, 422, "did not come from here")
    for nonsense in (None, [], "x", {}, {**body, "answers": 7}, {**body, "now": "yesterday"}):
        refused(desk, nonsense, 422, "did not come from here")
    colleague = Client()
    like_ana = {"roles": ["coordinator"], "sites": ["bayview"], "practitioner": "ben"}
    colleague.force_login(User.objects.create_user("ben@example.org", None, "Ben", **like_ana))
    refused(desk, body, 403, "colleague took this along", colleague)
    desk.later(days=7, minutes=1)
    desk.client.force_login(desk.user)
    refused(desk, body, 409, "more than seven days ago")


def test_who_may_not_see_her_any_more_sends_nothing_and_is_told(desk: Desk, now: datetime) -> None:
    body = sheet(take(desk), said(now), now)
    desk.user.sites = ["queens"]
    desk.user.practitioner = "nobody"
    desk.user.save()
    told = send(desk, body, 404)
    assert "may not see this person" in told["todo"]
    assert of_maria(desk) == []


def test_a_session_that_ended_is_told_from_a_refusal(desk: Desk, now: datetime) -> None:
    body = sheet(take(desk), said(now), now)
    answer = Client().post("/offline/send", json.dumps(body), content_type="application/json", headers=HTMX)
    assert answer.status_code == 401
    desk.user.is_active = False
    desk.user.save()
    answer = desk.client.post(
        "/offline/send", json.dumps(body), content_type="application/json", headers=HTMX
    )
    assert answer.status_code == 401
    assert of_maria(desk) == []


def test_a_death_meanwhile_stops_it(desk: Desk, now: datetime) -> None:
    body = sheet(take(desk), said(now), now)
    desk.ward.has({**b.patient("maria", "Maria", "Duarte"), "deceasedBoolean": True})
    refused(desk, body, 409, "This person died")
