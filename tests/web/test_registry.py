"""The registry's pages: a cohort as an address, a view kept, many at once, a case review, a file; as Ana works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from careloop.accounts.models import User
from careloop.accounts.sign_in_models import SignedIn
from careloop.care import many
from careloop.care.case_review import TITLES
from careloop.care.work import WorkClass
from careloop.web.staff import registry_ask
from careloop.web.staff.registry_many import SENTENCES
from tests.projections import builders as b
from tests.projections.test_registry import phq9, problem
from tests.web.desk import HTMX, Desk, at_the_desk, undo_of

V3_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        desk.ward.has(
            b.patient("alba", "Alba", "Zamora"),
            problem("dm", "maria", "E11.9", "Type 2 diabetes"),
            problem("dm-a", "alba", "E11.9", "Type 2 diabetes"),
            problem("dm-w", "walter", "E11.9", "Type 2 diabetes"),
            phq9("m1", "maria", now - timedelta(weeks=7), 18),
            phq9("m2", "maria", now - timedelta(days=2), 8),
        )
        yield desk


def chosen(desk: Desk, question: str, **more: str) -> str:
    """The address of what was chosen."""
    answer = desk.client.post("/registry/many", {"question": question, **more})
    assert answer.status_code == 302
    return str(answer["Location"]).partition("?")[0]


def test_a_cohort_is_an_address_and_is_said_in_words(desk: Desk) -> None:
    page = desk.page("/registry?whose=all&condition=diabetes&measure=phq-9")
    assert "<b>2 people</b>" in page
    assert "· Diabetes</p>" in page
    assert "<h1>Depression (PHQ-9)</h1>" in page
    assert "Maria Duarte" in page
    assert "Walter" not in page
    assert "−10" in page
    assert "1 improving" in page
    assert "1 not measured yet" in page


def test_without_anybody_the_page_says_how_to_go_on(desk: Desk) -> None:
    assert "Nobody fits this" in desk.page("/registry?whose=all&condition=pregnancy")


def test_whatever_stands_in_an_address_opens(desk: Desk) -> None:
    for address in (
        "measure=nothing&low=x&standing=so",
        "low=1e999&high=nan&measure=phq-9",
        "after=xx&sort=key&heard=-3",
        "condition=%27%3B--&need=%25",
        "moved=0&measure=phq-9&standing=due&sort=review",
        "measure=reading:weight&sort=change",
        "risk=lace&sort=risk&band=high",
    ):
        desk.page(f"/registry?whose=all&{address}")


def test_a_question_survives_its_address(desk: Desk) -> None:
    from django.http import QueryDict

    said = (
        "whose=all&condition=diabetes&measure=phq-9&low=10&moved=-5&standing=stuck&heard=30&late=1&sort=value"
    )
    asked = registry_ask.asked_of(QueryDict(said))
    assert registry_ask.asked_of(QueryDict(registry_ask.question(asked))) == asked


def test_a_view_is_kept_for_me_and_for_my_site(desk: Desk) -> None:
    question = {"question": "whose=all&condition=diabetes"}
    desk.post("/registry/views", {**question, "name": "  "}, status=422)
    desk.post("/registry/views", {**question, "name": "Sugar, weekly"})
    desk.post("/registry/views", {**question, "name": "Everybody’s", "for": "bayview"})
    page = desk.page("/registry?whose=all&condition=diabetes")
    assert "Sugar, weekly" in page
    User.objects.create_user(
        "ben@example.org", "a quiet Tuesday here", "Ben", roles=["coordinator"], sites=["bayview"]
    )
    desk.client.force_login(User.objects.get(email="ben@example.org"))
    page = desk.page("/registry")
    assert "Everybody’s" in page
    assert "Sugar, weekly" not in page
    view = re.search(r"/registry/views/(\d+)/drop", desk.page("/registry?whose=all&condition=diabetes"))
    assert view is None  # what is Ana's, Ben can't remove
    assert desk.client.post("/registry/views/1/drop").status_code == 404


def test_one_act_on_all_that_fit_with_preview_results_and_undo(desk: Desk) -> None:
    address = chosen(desk, "whose=all&condition=diabetes", all="1", act="todo")
    assert "2 people are chosen. Nothing has been done yet." in desk.page(f"{address}?act=todo")
    desk.post(address, {"act": "todo", "title": "", "owner": "lead"}, status=422)
    desk.post(address, {"act": "todo", "title": "Send the eye letter", "owner": "lead", "due": "2026-12-01"})
    page = desk.page(address)
    assert "Do it for 2 people" in page
    assert "Nobody leads this person’s care" in page  # Alba
    desk.post(f"{address}/go")
    desk.post(f"{address}/go")  # pressed twice
    page = desk.page(address)
    assert "2 done" in page
    assert "Send the eye letter" in desk.page("/people/maria/work")
    desk.post(f"{address}/undo")
    assert "2 taken back" in desk.page(address)
    assert "Send the eye letter" not in desk.page("/people/maria/work")


def test_who_is_not_hers_can_not_be_chosen(desk: Desk) -> None:
    answer = desk.client.post(
        "/registry/many", {"question": "whose=all", "person": ["walter"], "act": "todo"}
    )
    assert answer["Location"] == "/registry?whose=all"
    address = chosen(desk, "whose=all", person="maria")
    assert "1 person is chosen" in desk.page(address)


def test_a_case_review_from_the_registry_to_decided_work(desk: Desk, now: datetime) -> None:
    address = chosen(desk, "whose=all&condition=diabetes", all="1", act="review")
    meeting = (now + timedelta(days=1)).strftime("%Y-%m-%dT12:00")
    desk.post(address, {"act": "review", "because": "", "meeting": meeting}, status=422)
    desk.post(address, {"act": "review", "because": "sugar is high", "meeting": meeting, "minutes": "8"})
    desk.post(f"{address}/go")
    listed = desk.page("/reviews")
    assert "2 people, 16 min planned" in listed
    agenda = re.search(r"/reviews/([0-9a-f-]+)\"", listed)
    assert agenda
    page = desk.page(f"/reviews/{agenda[1]}")
    assert "sugar is high" in page
    cases = re.findall(rf"/reviews/{agenda[1]}/([0-9a-zA-Z-]+)\" data-key", page)
    case = f"/reviews/{agenda[1]}/{cases[0]}"
    page = desk.page(case)
    assert "Type 2 diabetes" in page
    told = {
        "version": "1",
        "known": "eats late",
        "tried": "a leaflet",
        "option-1": "a dietitian",
        "pros-1": "near her home",
        "cons-1": "two buses",
        "decision": "dietitian first",
        "what-1": "Refer to the dietitian",
        "who-1": "Practitioner/ana",
        "by-1": "2026-12-04",
        "minutes": "9",
    }
    desk.post(case, {**told, "decision": ""}, status=422)
    desk.post(f"{case}/keep", told, status=200)
    assert "eats late" in desk.page(case)
    done = desk.client.post(case, told)
    assert done.status_code == 302
    assert done["Location"].startswith(f"/reviews/{agenda[1]}/")  # on to the next
    page = desk.page(case)
    assert "two buses" in page
    assert "dietitian first" in page
    undo = undo_of(desk.page("/today"))
    who = "alba" if "Alba" in page else "maria"
    assert "Case reviewed" in desk.page(f"/people/{who}/story")
    assert "Refer to the dietitian" in desk.page(f"/people/{who}/work")
    assert "9 min spent" in desk.page(f"/reviews/{agenda[1]}")
    desk.post("/work/undo", {"change": undo})
    assert "eats late</textarea>" in desk.page(case)  # open again, with what was typed
    assert "Refer to the dietitian" not in desk.page(f"/people/{who}/work")


def test_a_stranger_sees_no_agenda(desk: Desk, now: datetime) -> None:
    assert "No case review is planned" in desk.page("/reviews")
    desk.page("/reviews/nothing", status=404)
    desk.page("/reviews/no:such|thing", status=404)


def test_a_consultation_goes_to_a_named_clinician_and_comes_back(desk: Desk) -> None:
    chen = User.objects.create_user(
        "chen@example.org",
        "a quiet Wednesday",
        "Dr. Chen",
        roles=["clinician"],
        sites=["bayview"],
        practitioner="ben",
    )
    desk.post("/people/maria/consult", {"to": "Practitioner/ben", "question": ""}, status=422)
    desk.post("/people/maria/consult", {"to": "Practitioner/nobody", "question": "Why?"}, status=422)
    asked = {
        "to": "Practitioner/ben",
        "question": "Metformin or not?",
        "known": "eGFR 38",
        "due": "2026-11-30",
    }
    desk.post("/people/maria/consult", asked)
    with desk.ward.open() as unit:
        (task,) = unit.search("Task", [("code", "consultation")]).entries
    desk.post(f"/consult/{task.id}", {"decision": "mine?"}, status=403)  # Ana was not asked
    desk.client.force_login(chen)
    assert "eGFR 38" in desk.page(f"/consult/{task.id}")
    desk.post(f"/consult/{task.id}", {"decision": "  "}, status=422)
    desk.post(f"/consult/{task.id}", {"decision": "Half the dose", "option-1": "stop", "minutes": "5"})
    desk.client.force_login(desk.user)
    with desk.ward.open() as unit:
        (back,) = unit.search("Task", [("code", "consultation-answer")]).entries
    assert back.resource["owner"]["reference"] == "Practitioner/ana"
    page = desk.page(f"/consult/read/{back.id}")
    assert "Half the dose" in page
    assert "Metformin or not?" in page


def test_how_much_is_asked_stands_where_work_is_added_and_calls_become_one(desk: Desk, now: datetime) -> None:
    desk.ward.has(
        b.task("c1", "maria", now, title="Call about the ride", target=now + timedelta(days=1), due=now),
        b.task(
            "c2",
            "maria",
            now,
            title="Call about food",
            target=now + timedelta(days=1),
            owner="Practitioner/ben",
        ),
    )
    for page in ("/people/maria/work", "/people/maria/to-do", "/people/maria/promise"):
        assert "/people/maria/care-load" in desk.page(page)
    page = desk.client.get("/people/maria/care-load", headers=HTMX).content.decode()
    assert "one call could serve all" in page
    keep = re.search(r'name="keep" value="([^"]+)"', page)
    others = re.findall(r'name="other" value="([^"]+)"', page)
    assert keep
    assert others
    desk.post("/people/maria/care-load/together", {"keep": keep[1], "other": others})
    assert all(desk.ward.task(other)["status"] == "cancelled" for other in others)
    assert "Also:" in str(desk.ward.task(keep[1])["note"])


def test_a_rule_s_clock_and_a_promise_are_never_put_into_another_call(desk: Desk, now: datetime) -> None:
    """Maria's call after discharge is Medicare's; what was promised stands on her own page."""
    promise = b.task(
        "said", "maria", now, kind="promise", klass=WorkClass.PROMISE, due=now + timedelta(days=1)
    )
    desk.ward.has(promise)
    for other in ("call", "said"):
        desk.post("/people/maria/care-load/together", {"keep": "ride", "other": [other]}, status=302)
        assert desk.ward.task(other)["status"] != "cancelled"


def test_a_to_do_by_hand_stands_on_today_and_can_be_taken_back(desk: Desk) -> None:
    typed = {"kind": "todo", "title": "Send the form", "owner": "lead", "due": "2026-12-01"}
    desk.post("/people/maria/to-do", {**typed, "title": ""}, status=422)
    desk.post("/people/maria/to-do", {**typed, "due": "2026-01-01"}, status=422)
    desk.post("/people/maria/to-do", {**typed, "owner": "Practitioner/stranger"}, status=422)
    desk.post("/people/maria/to-do", typed)
    page = desk.page("/people/maria/work")
    assert "Send the form" in page
    desk.post("/work/undo", {"change": undo_of(page)})
    assert "Send the form" not in desk.page("/people/maria/work")
    desk.page("/people/walter/to-do", status=404)


def test_the_file_needs_a_role_and_a_fresh_factor(desk: Desk) -> None:
    SignedIn.objects.update(proved_at=None)
    answer = desk.client.post("/registry/export", {"question": "whose=all"})
    assert answer["Location"].startswith("/account/prove")
    nurse = User.objects.create_user(
        "lee@example.org", "a quiet Friday", "Lee", roles=["ltc-nurse"], sites=["bayview"]
    )
    desk.client.force_login(nurse)
    desk.post("/registry/export", {"question": "whose=all"}, status=403)


def test_the_file_holds_the_list_escaped_and_nothing_labeled(desk: Desk) -> None:
    secret = problem("oud", "maria", "F11.20", "Opioid use disorder")
    secret["meta"] = {"security": [{"system": V3_ACT_CODE, "code": "SUD"}]}
    desk.ward.has(secret, b.patient("alba", "=cmd()", "Zamora"))
    answer = desk.client.post("/registry/export", {"question": "whose=all&measure=phq-9"})
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    lines = answer.content.decode("utf-8-sig").split("\r\n")
    assert len(lines) == 4  # a head, two people, the end
    assert lines[1].startswith("'=cmd() Zamora,")
    assert "Type 2 diabetes" in lines[2]
    assert ",18,2026-11-21,8,-10,improving," in lines[2]
    assert "Opioid" not in answer.content.decode()


def test_the_page_of_targets_says_where_she_stands(desk: Desk) -> None:
    page = desk.page("/people/maria/targets")
    assert "Depression (PHQ-9)" in page
    assert "improving" in page
    desk.page("/people/walter/targets", status=404)


def test_every_reason_is_known_to_the_catalog() -> None:
    said = {
        value
        for name, value in vars(many).items()
        if name.isupper() and isinstance(value, str) and " " in value
    }
    assert said | set(TITLES.values()) <= set(SENTENCES)
