"""The front door through the pages: people added, referred, asked, enrolled; panels taken."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from careloop import store
from careloop.accounts.models import User
from careloop.actions.referral_loop import ANSWER, OUTREACH, STAGE
from careloop.fhir import uris
from careloop.fhir.elements import codeable
from careloop.server import middleware
from careloop.web.staff import front_door
from tests.projections.ward import HOUSE, Ward

ROSA = {
    "given": "Rosa",
    "family": "Gutiérrez",
    "birth_date": "1971-05-02",
    "phone": "(713) 555-0199",
    "postal_code": "77011",
    "site": "bayview",
}
REFERRAL = {
    "program": "community-support",
    "by": "Dr. Wei Chen",
    "answer_to": "713-555-0114",
    "channel": "phone",
    "reason": "No food on the 25th",
}


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


@pytest.fixture
def ana(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> Any:
    user = User.objects.create_user(
        "ana@example.org",
        "a quiet Monday morning",
        "Ana Reyes",
        roles=["coordinator"],
        sites=["bayview"],
        practitioner="ana",
        zone="America/Chicago",
    )
    monkeypatch.setattr(middleware, "clock", lambda: ward.now)
    client = Client()
    client.force_login(user)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield client


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def follow(client: Client, url: str, said: dict[str, Any]) -> Any:
    answer = client.post(url, said, follow=True)
    assert answer.status_code == 200, text(answer)[:2000]
    return answer


def added(client: Client, **said: str) -> str:
    answer = client.post("/people/new", {**ROSA, **said})
    assert answer.status_code == 302, text(answer)
    return str(answer["Location"].split("/")[2])


def test_a_person_is_added_and_stands_on_her_page(ana: Client) -> None:
    page = follow(ana, "/people/new", {**ROSA, "leads": "1"})
    assert "Rosa Gutiérrez" in text(page)
    assert "Ana Reyes" in text(page)


def test_faults_stand_at_their_fields_and_nothing_typed_is_lost(ana: Client) -> None:
    page = ana.post("/people/new", {**ROSA, "phone": "12", "family": "", "street": "12 Elm"})
    assert page.status_code == 422
    found = text(page)
    assert "A phone number has ten digits." in found
    assert 'href="#field-family"' in found
    assert 'value="12 Elm"' in found


def test_a_likeness_is_shown_and_only_its_own_button_adds_her(ana: Client) -> None:
    rosa = added(ana)
    page = ana.post("/people/new", ROSA)
    assert page.status_code == 409
    found = text(page)
    assert "Same birth date." in found
    assert f"/people/{rosa}/story" in found
    assert ana.post("/people/new", ROSA).status_code == 409
    assert ana.post("/people/new", {**ROSA, "another": rosa}).status_code == 302


def test_details_change_over_nobody_elses_change(ana: Client) -> None:
    rosa = added(ana)
    page = text(ana.get(f"/people/{rosa}/edit"))
    assert hidden(page, "version") == "1"
    moved = {**ROSA, "version": "1", "reach": "Mornings", "new_flags": "Dog in the yard\nNo voicemail"}
    assert "Dog in the yard" in text(follow(ana, f"/people/{rosa}/edit", moved))
    stale = ana.post(f"/people/{rosa}/edit", {**moved, "reach": "Evenings"})
    assert stale.status_code == 412
    assert "When and how to reach this person: now Mornings." in text(stale)
    assert 'value="Evenings"' in text(stale)
    assert hidden(text(stale), "version") == "2"


def test_an_account_without_a_site_is_told_so(ana: Client) -> None:
    User.objects.update(sites=[])
    assert ana.get("/people/new").status_code == 403


def refer(ana: Client, **said: str) -> str:
    answer = ana.post("/front-door/referral", {**REFERRAL, **said})
    assert answer.status_code == 302, text(answer)
    return str(answer["Location"])


def test_from_the_phone_call_to_the_answer(ana: Client) -> None:
    way = refer(ana, person="maria")
    assert way == "/people/maria/enroll/community-support"
    assert "Community support: decide whether it fits" in text(ana.get("/front-door"))
    page = text(ana.get(way))
    assert "Dr. Wei Chen referred" in page
    own = {"episode": hidden(page, "episode"), "version": hidden(page, "version")}
    page = text(follow(ana, f"{way}/fit", {**own, "fits": "yes"}))
    assert "Log call" in page
    stale = ana.post(f"{way}/consent", {**own, "gives": "yes", "who": "person", "how": "verbal"})
    assert stale.status_code == 412
    own = {"episode": hidden(page, "episode"), "version": hidden(page, "version")}
    untold = ana.post(
        f"{way}/consent", {**own, "gives": "yes", "who": "person", "how": "verbal", "told": "1"}
    )
    assert untold.status_code == 422
    assert "Every point has to be told first." in text(untold)
    told = {"gives": "yes", "who": "person", "how": "verbal", "told": ["1", "2", "3"]}
    page = text(follow(ana, f"{way}/consent", {**own, **told}))
    own = {"episode": hidden(page, "episode"), "version": hidden(page, "version")}
    page = text(follow(ana, f"{way}/join", {**own, "manager": "Practitioner/ana"}))
    assert "In the program" in page
    assert "Dr. Wei Chen does not know yet what became of it." in page
    assert "1 answer due" in text(ana.get("/front-door"))
    sheet_at = re.search(r"/front-door/referrals/[^/]+/answer", page)
    assert sheet_at is not None
    sheet = text(ana.get(sheet_at[0]))
    assert "joined Community support" in sheet
    empty = ana.post(sheet_at[0], {"how": "phone", "words": " ", "version": hidden(sheet, "version")})
    assert empty.status_code == 422
    done = follow(
        ana,
        sheet_at[0],
        {"how": "phone", "words": "She joined.", "version": hidden(sheet, "version"), "next": "/front-door"},
    )
    assert "Nobody is waiting at the door" in text(done)


def test_somebody_new_comes_with_her_referral_and_a_known_one_is_offered(ana: Client) -> None:
    way = refer(ana, **ROSA)
    rosa = way.split("/")[2]
    looks = ana.post("/front-door/referral", {**REFERRAL, **ROSA})
    assert looks.status_code == 409
    assert f'name="person" value="{rosa}"' in text(looks)
    assert refer(ana, **ROSA, person=rosa) == way


def test_a_referral_with_holes_says_where(ana: Client) -> None:
    page = ana.post("/front-door/referral", {**REFERRAL, "by": "", "person": "maria"})
    assert page.status_code == 422
    assert "Write who refers" in text(page)
    assert "No food on the 25th" in text(page)
    page = ana.post("/front-door/referral", {**REFERRAL, "program": "", "person": "maria"})
    assert "Choose the program." in text(page)


def test_programs_are_offered_with_what_is_known(ana: Client) -> None:
    page = text(ana.get("/people/maria/enroll"))
    assert "Community support" in page
    assert "The social needs questions found nothing" not in page
    assert "Not everything is known" in page


def test_a_form_of_one_person_never_acts_on_another(ana: Client) -> None:
    way = refer(ana, person="maria")
    page = text(ana.get(way))
    rosa = added(ana)
    answer = ana.post(
        f"/people/{rosa}/enroll/community-support/end",
        {"episode": hidden(page, "episode"), "version": "1", "reason": "moved"},
    )
    assert answer.status_code == 404


def test_pause_go_on_and_end(ana: Client) -> None:
    own = {"episode": "e-maria", "version": "1"}
    way = "/people/maria/enroll/transitions"
    assert "Paused" in text(follow(ana, f"{way}/pause", {**own, "reason": "readmitted"}))
    assert ana.post(f"{way}/pause", {**own, "version": "2", "reason": "readmitted"}).status_code == 422
    assert "In the program" in text(follow(ana, f"{way}/resume", {**own, "version": "2"}))
    assert ana.post(f"{way}/end", {**own, "version": "3"}).status_code == 422
    page = text(
        follow(ana, f"{way}/end", {**own, "version": "3", "reason": "completed", "words": "All is well"})
    )
    assert "30 days are over and things are steady" in page
    assert "Begin anew" in page


def test_nobody_elses_person_is_there(ana: Client) -> None:
    for url in ("/people/walter/enroll", "/people/walter/enroll/transitions", "/people/walter/edit"):
        assert ana.get(url).status_code == 404
    assert ana.get("/people/maria/enroll/sorcery").status_code == 404


PANEL = "Nickname,Last name,DOB,MRN\nRosa,Gutiérrez,5/2/1971,80317\nTom,Okafor,31/1/1990,80318\n"


def send(ana: Client, data: bytes, **said: str) -> Any:
    file = SimpleUploadedFile("panel.csv", data, "text/csv")
    return ana.post("/front-door/panel", {"file": file, "site": "bayview", **said})


def people() -> int:
    with store.open(HOUSE, now=datetime.fromisoformat("2026-11-23T15:00:00Z")) as unit:
        return len(unit.search("Patient", {"_count": "100"}).entries)


def test_a_panel_is_looked_through_named_and_taken(ana: Client) -> None:
    before = people()
    look = send(ana, PANEL.encode(), program="community-support")
    place = str(look["Location"])
    page = ana.get(place)
    assert page.status_code == 422
    assert "which columns are the first name" in text(page)
    named = {"column-0": "given", "column-1": "family", "column-2": "birth_date", "column-3": "mrn"}
    page = text(ana.post(place, named, follow=True))
    assert "Add 1 person" in page
    assert "Write the birth date as month/day/year" in page
    assert people() == before
    done = text(ana.post(f"{place}/apply", follow=True))
    assert "1 people added" in done or "1 person" in done
    assert people() == before + 1
    assert "Rosa Gutiérrez" in text(ana.get("/front-door"))
    assert ana.get(place).status_code == 404


def test_a_large_panel_is_taken_in_parts(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from careloop.web.staff import front_door_panel

    monkeypatch.setattr(front_door_panel, "PART", 2)
    rows = "".join(f"Ada{n},Okoye{n},{n}/2/1971,90{n}\n" for n in range(1, 4))
    place = str(send(ana, f"First name,Last name,DOB,MRN\n{rows}".encode())["Location"])
    page = text(ana.post(f"{place}/apply", follow=True))
    assert "2 of 3 rows are taken." in page
    ana.post(f"{place}/apply")
    assert ana.get(place).status_code == 404


def test_what_is_no_panel_says_what_to_do(ana: Client) -> None:
    assert "Choose a file." in text(ana.post("/front-door/panel", {"site": "bayview"}))
    assert "open it and save the sheet as CSV" in text(send(ana, b"PK\x03\x04\0\0"))


def test_another_persons_panel_is_not_there(ana: Client) -> None:
    place = str(send(ana, PANEL.encode())["Location"])
    User.objects.create_user(
        "ben@example.org", "a quiet Monday morning", "Ben Osei", roles=["coordinator"], sites=["bayview"]
    )
    ben = Client()
    ben.force_login(User.objects.get(email="ben@example.org"))
    assert ben.get(place).status_code == 404
    assert ana.post(f"{place}/drop").status_code == 302
    assert ana.get(place).status_code == 404


def referred(number: int, stage: str) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": f"referral-{stage}-{number}",
        "status": "in-progress",
        "intent": "order",
        "code": codeable(uris.WORK_CODE, "referral", "Referral"),
        "businessStatus": codeable(STAGE, stage),
        "for": {"reference": "Patient/maria"},
        "requester": {"display": f"Dr. {stage} {number}"},
        "authoredOn": "2026-11-20T10:00:00Z",
    }


def test_answers_due_behind_many_open_referrals_are_all_there(
    ana: Client, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_door, "ANSWERS", 2)
    ward.has(*(referred(number, OUTREACH) for number in range(4)))
    ward.now += timedelta(seconds=1)
    ward.has(*(referred(number, ANSWER) for number in range(3)))
    page = text(ana.get("/front-door"))
    assert "3 answers due" in page
    assert 'Whoever referred waits for an answer</span><span class="num">3</span>' in page
    assert page.count("what became of the referral") == 2
    assert "Dr. outreach" not in page
    more = re.search(r'href="(/front-door\?answers=[^"]+)">More answers due', page)
    assert more is not None
    rest = text(ana.get(more[1]))
    assert "3 answers due" in rest
    assert rest.count("what became of the referral") == 1
    assert "More answers due" not in rest
    shown = set(re.findall(r"Dr\. answer \d", page + rest))
    assert shown == {f"Dr. answer {number}" for number in range(3)}
