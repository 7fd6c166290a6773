"""The review room through its pages: what the hospital's messages leave open, a person decides."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop import library, reactions
from careloop.accounts.models import Principal, Sender, User
from careloop.connect.hl7v2 import process, receive
from careloop.server import middleware
from careloop.web.staff import review_lists
from tests.connect.hl7v2.messages import Hospital, adt
from tests.projections import builders as b
from tests.store.rows import details_of, rows
from tests.stories.ward import settle

LIBRARY = library.load()


@pytest.fixture
def hospital(record: None, now: Any) -> Hospital:
    found = Hospital(now)
    with found.house() as unit:
        unit.create_named(b.practitioner("ana", "Ana", "Reyes"))
        unit.create_named(b.organization("queens", "Queens", "NY", "11101"))
    return found


def signed_in(hospital: Hospital, monkeypatch: pytest.MonkeyPatch, site: str, *roles: str) -> Client:
    name = f"{site}-{roles[0]}"
    user = User.objects.create_user(
        f"{name}@example.org",
        "a quiet Monday morning",
        "Ana Reyes",
        roles=list(roles),
        sites=[site],
        practitioner="ana",
        zone="America/Chicago",
    )
    monkeypatch.setattr(middleware, "clock", lambda: hospital.now)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ana(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Any:
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield signed_in(hospital, monkeypatch, "bayview", "coordinator")


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found is not None
    return found[1]


def two_of_one_name(hospital: Hospital) -> str:
    """A message that fits somebody we know but for the number; returns the task."""
    hospital.tell(adt("A01", mrn="78455", name="RIVERA^DOLORES", born="19550412", phone="7135550171"))
    (ack,) = hospital.send(
        adt(
            "A01",
            mrn="78544",
            name="RIVERA^DOLORES",
            born="19550421",
            phone="7135550171",
            visit="V9",
            control="x",
        )
    )
    assert ack.code == "AA"
    process.run(hospital.now)
    (task,) = hospital.tasks("resolve-match")
    return str(task["id"])


def test_the_rail_and_the_list_say_what_waits(ana: Client, hospital: Hospital) -> None:
    empty = text(ana.get("/review"))
    assert "Nothing to decide" in empty
    assert 'id="count-review"' not in empty
    two_of_one_name(hospital)
    page = text(ana.get("/review"))
    assert "Decide who this is" in page
    assert '<span class="num" id="count-review">1</span>' in page


def test_side_by_side_with_what_differs_and_why(ana: Client, hospital: Hospital) -> None:
    page = text(ana.get(f"/review/{two_of_one_name(hospital)}"))
    assert "DOLORES RIVERA" in page
    assert re.search(r'<td class="differs">Apr 12, 1955 <b title="differs">', page)
    assert re.search(r'<td class="agrees">\(713\) 555-0171 <b title="the same">', page)
    assert "Same phone number." in page


def test_somebody_new_is_made_from_the_message(ana: Client, hospital: Hospital) -> None:
    task = two_of_one_name(hospital)
    own = {"version": version(text(ana.get(f"/review/{task}")))}
    assert ana.post(f"/review/{task}", {**own, "reason": "asked"}).status_code == 422
    assert ana.post(f"/review/{task}", {**own, "choice": "new"}).status_code == 422
    done = ana.post(f"/review/{task}", {**own, "choice": "new", "reason": "Asked the hospital"}, follow=True)
    assert "Nothing to decide" in text(done)
    process.run(hospital.now)
    assert len(hospital.all("Patient")) == 2
    assert "This was decided already." in text(ana.get(f"/review/{task}"))


def test_it_is_the_one_we_know(ana: Client, hospital: Hospital) -> None:
    task = two_of_one_name(hospital)
    (known,) = hospital.all("Patient")
    said = {"version": "1", "choice": known["id"], "reason": "She has two numbers"}
    assert ana.post(f"/review/{task}", said).status_code == 302
    process.run(hospital.now)
    assert len(hospital.all("Patient")) == 1
    assert ana.post(f"/review/{task}", said).status_code == 412


def test_messages_for_nobody_of_ours_are_left_out(ana: Client, hospital: Hospital) -> None:
    task = two_of_one_name(hospital)
    said = {"version": "1", "choice": "none", "reason": "A test patient"}
    assert ana.post(f"/review/{task}", said).status_code == 302
    assert [m.state for m in hospital.inbox("held", "review")] == []
    assert len(hospital.all("Patient")) == 1


def test_somebody_else_can_be_put_beside(ana: Client, hospital: Hospital) -> None:
    task = two_of_one_name(hospital)
    hospital.tell(adt("A01", mrn="5", name="OKOYE^RUTH", born="19440211", phone="", visit="V5"))
    assert "RUTH OKOYE" not in text(ana.get(f"/review/{task}", {"who": "okoye"}))
    answer = ana.post(f"/review/{task}/beside", {"who": "okoye"})
    assert answer["Location"] == f"/review/{task}"
    page = text(ana.get(f"/review/{task}"))
    assert "RUTH OKOYE" in page
    assert not re.search(r'(href|action)="[^"]*okoye', page, re.IGNORECASE)
    refused = ana.post(f"/review/{task}", {"version": version(page)})
    assert "RUTH OKOYE" in text(refused)  # she stays beside until it is decided
    ana.post(f"/review/{task}/beside", {"who": ""})
    assert "RUTH OKOYE" not in text(ana.get(f"/review/{task}"))


def test_nobody_of_another_site_sees_it(
    ana: Client, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = two_of_one_name(hospital)
    hospital.send(adt("A99"))
    ben = signed_in(hospital, monkeypatch, "queens", "coordinator")
    page = text(ben.get("/review"))
    assert "Nothing to decide" in page
    assert ben.get(f"/review/{task}").status_code == 404
    (refused,) = hospital.inbox("refused")
    assert ben.get(f"/review/messages/{refused.id}/raw").status_code == 404
    assert ben.post(f"/review/messages/{refused.id}/close", {"reason": "x"}).status_code == 404


def discharged(hospital: Hospital, **said: str) -> str:
    hospital.tell(adt("A03", **{"left": "Nov 20 16:20", "to": "ZZ", **said}))
    settle()
    while reactions.run(hospital.now, LIBRARY):
        settle()
    tasks = [each for each in hospital.all("Task") if each["code"]["coding"][0]["code"] == "review-discharge"]
    (task,) = tasks
    return str(task["id"])


def test_an_unclear_discharge_is_settled_and_its_work_stands(ana: Client, hospital: Hospital) -> None:
    task = discharged(hospital)
    page = text(ana.get(f"/review/{task}"))
    assert "Went home" in page
    assert "ZZ" in page
    assert ana.post(f"/review/{task}", {"version": version(page)}).status_code == 422
    said = {"version": version(page), "choice": "home", "reason": "Her daughter told me"}
    assert ana.post(f"/review/{task}", said).status_code == 302
    assert "call-after-discharge" in {each["code"]["coding"][0]["code"] for each in hospital.all("Task")}


def test_without_a_zone_the_address_comes_first(ana: Client, hospital: Hospital) -> None:
    with hospital.house() as unit:
        site = unit.read("Organization", "bayview").resource
        unit.update({**site, "address": [{"city": "Nowhere"}]})
    task = discharged(hospital, place="", to="01")
    page = text(ana.get(f"/review/{task}"))
    assert "The time zone is unknown" in page
    refused = ana.post(f"/review/{task}", {"version": version(page), "choice": "home"})
    assert refused.status_code == 422
    assert "Add this person’s address first" in text(refused)
    (maria,) = hospital.all("Patient")
    edit = f"/people/{maria['id']}/edit"
    form = text(ana.get(edit, {"next": f"/review/{task}"}))
    told = {"given": "Maria", "family": "Duarte", "birth_date": "1959-03-04", "postal_code": "77002"}
    back = ana.post(edit, {**told, "version": version(form), "next": f"/review/{task}"})
    assert back["Location"] == f"/review/{task}"
    page = text(ana.get(f"/review/{task}"))
    assert ana.post(f"/review/{task}", {"version": version(page), "choice": "home"}).status_code == 302


def test_a_way_back_leads_nowhere_else(ana: Client, hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    (maria,) = hospital.all("Patient")
    told = {"given": "Maria", "family": "Duarte", "version": "1", "next": "https://elsewhere.example/"}
    assert ana.post(f"/people/{maria['id']}/edit", told)["Location"] == f"/people/{maria['id']}/story"


def test_a_merge_is_read_and_closed_with_a_reason(ana: Client, hospital: Hospital) -> None:
    hospital.tell(
        adt("A01", mrn="4711"), adt("A01", mrn="815", visit="V2", name="NGUYEN^WALTER", born="19400101")
    )
    hospital.tell(adt("A40", mrn="4711", visit="", extra="MRG|815^^^STL^MR"))
    (task,) = hospital.tasks("review-merge")
    page = text(ana.get(f"/review/{task['id']}"))
    assert "MARIA" in page
    assert "WALTER" in page
    assert ana.post(f"/review/{task['id']}", {"version": version(page)}).status_code == 422
    closed = ana.post(f"/review/{task['id']}", {"version": version(page), "reason": "Told the record office"})
    assert closed.status_code == 302
    assert hospital.tasks("review-merge")[0]["status"] == "completed"


def test_a_message_that_failed_is_looked_at_tried_again_and_closed(ana: Client, hospital: Hospital) -> None:
    hospital.tell(adt("A01", visit="V1"))
    hospital.tell(
        adt("A03", visit="V1", mrn="99", name="NGUYEN^WALTER", born="19400101", sex="M", phone="", place="")
    )
    (aside,) = hospital.inbox("review")
    place = f"/review/messages/{aside.id}"
    page = text(ana.get(place))
    assert "somebody else’s stay" in page
    assert "NGUYEN" not in page
    assert "NGUYEN^WALTER" in text(ana.get(f"{place}/raw"))
    assert ana.post(f"{place}/again").status_code == 302
    assert hospital.inbox("new")[0].id == aside.id
    process.run(hospital.now)
    assert hospital.inbox("review")[0].id == aside.id
    assert ana.post(f"{place}/close", {"reason": " "}).status_code == 422
    assert ana.post(f"{place}/close", {"reason": "The hospital sends it anew"}).status_code == 302
    assert "Nothing to decide" in text(ana.get("/review"))
    (kept,) = [each for each in hospital.inbox("done") if each.id == aside.id]
    assert kept.error == "Closed by Ana Reyes: The hospital sends it anew"
    again = ana.post(f"{place}/again", follow=True)
    assert "A colleague has dealt with this message already." in text(again)


def test_looking_at_a_raw_message_is_written_down(ana: Client, hospital: Hospital) -> None:
    hospital.send(adt("A99"))
    (refused,) = hospital.inbox("refused")
    hospital.now += timedelta(seconds=1)
    ana.get(f"/review/messages/{refused.id}/raw")
    kept = rows("select detail from audit where at = %s and detail is not null", hospital.now)
    assert any(f"inbox {refused.id} raw" in str(details_of(bytes(each[0]))) for each in kept)


def test_what_came_from_nobody_we_know_is_for_supervisors(
    ana: Client, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hospital.house() as unit:
        from careloop.store import inbox

        kept = inbox.receive(
            unit, "address 127.0.0.9", "", b"GET / HTTP/1.1", "", state="quarantined", error="No frame."
        )
    assert ana.get(f"/review/messages/{kept.id}").status_code == 404
    marisol = signed_in(hospital, monkeypatch, "bayview", "supervisor")
    page = text(marisol.get("/review"))
    assert "No frame." in page
    assert '<span class="num" id="count-review">1</span>' in page
    assert "Ask the hospital to send it anew" in text(
        marisol.post(f"/review/messages/{kept.id}/again", follow=True)
    )


def test_a_broken_frame_is_for_supervisors_of_a_site_with_a_sender_at_its_address(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, site in (("mercy", "bayview"), ("elmhurst", "queens")):
        hospital.sender.pk, hospital.sender.name, hospital.sender.site = None, name, site
        hospital.sender.principal = Principal.objects.create(kind="sender", name=name)
        hospital.sender.peers = ["10.1.0.0/16"] if name == "mercy" else ["10.2.0.0/16"]
        hospital.sender.save()
    Sender.objects.filter(name="stlukes").update(peers=["10.1.0.0/16"])
    receive.quarantine(b"PID|||4711||DUARTE^MARIA", "10.1.0.7", "No frame.", hospital.now)
    (kept,) = hospital.inbox("quarantined")
    assert kept.source == "address 10.1.0.7"
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        marisol = signed_in(hospital, monkeypatch, "bayview", "supervisor")
        uma = signed_in(hospital, monkeypatch, "queens", "supervisor")
        assert "No frame." in text(marisol.get("/review"))
        assert "DUARTE" in text(marisol.get(f"/review/messages/{kept.id}/raw"))
        page = text(uma.get("/review"))
        assert "Nothing to decide" in page
        assert 'id="count-review"' not in page
        for way in ("", "/raw"):
            assert uma.get(f"/review/messages/{kept.id}{way}").status_code == 404
        assert uma.post(f"/review/messages/{kept.id}/close", {"reason": "x"}).status_code == 404
        Sender.objects.filter(site="bayview").update(peers=["10.3.0.0/16"])
        assert marisol.get(f"/review/messages/{kept.id}").status_code == 404


def more(page: str, words: str) -> str:
    found = re.search(rf'href="([^"]+)">{words}</a>', page)
    assert found is not None
    return found[1].replace("&amp;", "&")


def test_what_is_to_decide_goes_on_and_is_counted_whole(
    ana: Client, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_lists, "PAGE", 2)
    with hospital.house() as unit:
        for number in range(5):
            told = {"kind": "review-merge", "title": f"Look at merge {number}"}
            unit.update(b.task(f"merge-{number}", None, hospital.now, **told), create=True)
    page = text(ana.get("/review"))
    assert "5 to decide" in page
    seen = [page]
    while "More to decide" in seen[-1]:
        seen.append(text(ana.get(more(seen[-1], "More to decide"))))
    assert len(seen) == 3
    assert all('To decide</span><span class="num">5</span>' in each for each in seen)
    assert {f"Look at merge {n}" for n in range(5)} == set(re.findall(r"Look at merge \d", " ".join(seen)))


def test_messages_go_on_and_are_counted_whole(
    ana: Client, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_lists, "PAGE", 2)
    hospital.send(*(adt("A99", control=f"C{number}") for number in range(5)))
    page = text(ana.get("/review"))
    assert "5 messages that could not be read" in page
    seen = [page]
    while "More messages" in seen[-1]:
        seen.append(text(ana.get(more(seen[-1], "More messages"))))
    assert len(seen) == 3
    found = re.findall(r'class="act" href="(/review/messages/\d+)"', " ".join(seen))
    assert len(found) == len(set(found)) == 5
    assert "To the first page" in seen[1]


def test_numbers_used_twice_are_listed_with_what_became_of_both(
    ana: Client, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Numbers that were used twice" not in text(ana.get("/review"))
    hospital.tell(adt("A01", control="M1"), adt("A08", control="M1", phone="7135550199"))
    again, first = hospital.inbox("done")
    page = text(ana.get("/review"))
    assert "Nothing to decide" in page  # nobody has to do anything
    assert 'Numbers that were used twice</span><span class="num">1</span>' in page
    assert re.search(rf'"/review/messages/{again.id}">Message ADT\^A08 from stlukes</a>.*?dealt with', page)
    assert re.search(
        rf'"/review/messages/{first.id}">The earlier one with this number</a>.*?dealt with', page
    )
    assert "DUARTE" not in page
    assert "7135550199" in text(ana.get(f"/review/messages/{again.id}/raw"))
    ben = signed_in(hospital, monkeypatch, "queens", "supervisor")
    assert "Numbers that were used twice" not in text(ben.get("/review"))


def test_numbers_used_twice_go_on(ana: Client, hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_lists, "REPEATS", 2)
    hospital.send(*(adt("A01", control="M1", phone=f"713555010{number}") for number in range(4)))
    page = text(ana.get("/review"))
    assert 'Numbers that were used twice</span><span class="num">3</span>' in page
    rest = text(ana.get(more(page, "More messages")))
    assert 'id="repeats" open' in rest
    assert [each.count("The earlier one with this number") for each in (page, rest)] == [2, 1]
