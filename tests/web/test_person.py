"""A person's page, section by section, on the demonstration's Houston stories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop import library, projections, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.actions.staff_actor import staff_actor
from careloop.actions.start_assessment import start_assessment
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.kernel.clock import MovableClock
from careloop.server import middleware
from careloop.server.demo.chart import ident
from careloop.server.demo.community import Community
from careloop.server.demo.load import load

SEED = 7
DEMO = Scope(system_actor("demo"), "command", "maintenance")
MARIA = ident(SEED, "Patient", "maria-duarte")
FRANK = ident(SEED, "Patient", "frank-delgado")
DOLORES = ident(SEED, "Patient", "dolores-rivera-1")
SECTIONS = ("story", "plan", "work", "assessments", "readings", "health", "risk", "about")


@pytest.fixture
def clock(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    """The hour of every request. Maria stands in the record as she is on that Monday."""
    moved = MovableClock(now)
    monkeypatch.setattr(middleware, "clock", lambda: moved())
    settle(now, 1)
    return moved


def settle(now: datetime, people: int) -> None:
    """The first people of the demonstration; who is there already is left alone."""
    load(
        lambda: store.open(DEMO, now=now, projectors=projections.ALL),
        people,
        SEED,
        today=now.date(),
        now=now,
        is_quiet=True,
    )


@pytest.fixture
def ana(clock: MovableClock) -> Iterator[Client]:
    yield from signed_in("ana")


@pytest.fixture
def chen(clock: MovableClock) -> Iterator[Client]:
    yield from signed_in("chen")


def signed_in(key: str) -> Iterator[Client]:
    """Somebody of Bayview, without the password's slow hash."""
    community = Community(SEED)
    member = community.staff[key]
    user = User.objects.create_user(
        member.email,
        None,
        member.name,
        practitioner=member.reference.partition("/")[2],
        roles=list(member.roles),
        sites=[community.organization(site).partition("/")[2] for site in member.sites],
        zone=member.zone,
    )
    client = Client()
    client.force_login(user)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield client


def page(client: Client, section: str, person: str = MARIA, **query: str) -> str:
    answer = client.get(f"/people/{person}/{section}", query)
    assert answer.status_code == 200, answer.content.decode()[-2000:]
    return answer.content.decode()


def words(html: str) -> str:
    """What a reader sees: no tags, single blanks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def put(now: datetime, *resources: dict[str, Any]) -> None:
    with store.open(DEMO, now=now, projectors=projections.ALL) as unit:
        for one in resources:
            unit.create(one)


def test_every_section_opens_for_every_story(ana: Client, now: datetime) -> None:
    settle(now, 8)
    for key in ("maria-duarte", "andre-lewis", "walter-nguyen", "earl-washington", "dolores-rivera-1"):
        for section in SECTIONS:
            page(ana, section, ident(SEED, "Patient", key))


def test_the_address_without_a_section_leads_to_the_story(ana: Client) -> None:
    answer = ana.get(f"/people/{MARIA}")
    assert answer["Location"] == f"/people/{MARIA}/story"


def test_whom_she_may_not_see_looks_like_nobody(ana: Client, now: datetime) -> None:
    settle(now, 9)
    there = ana.get(f"/people/{FRANK}/story")  # of the hospital, not of Bayview
    nobody = ana.get("/people/no-such-person/story")
    assert (there.status_code, nobody.status_code) == (404, 404)
    assert "Delgado" not in there.content.decode()
    number = re.compile(r"number: \w+")
    assert number.sub("", words(there.content.decode())) == number.sub("", words(nobody.content.decode()))


def test_the_story_is_grouped_by_day_and_says_who(ana: Client) -> None:
    told = words(page(ana, "story"))
    assert told.index("Today") < told.index("Called, no answer") < told.index("Left the hospital")
    assert "Rang 12 times; no voicemail, as she asked" in told
    assert "St. Luke’s Bayside Hospital" in told


def test_noon_in_greenwich_is_an_hour_and_a_day_without_an_hour_has_none(ana: Client, now: datetime) -> None:
    reading = {
        "resourceType": "Observation",
        "status": "final",
        "subject": ref(f"Patient/{MARIA}"),
        "valueQuantity": {"value": 7},
    }
    put(
        now,
        {**reading, "code": {"text": "Weighed"}, "effectiveDateTime": "2026-11-22T12:00:00Z"},
        {**reading, "code": {"text": "Written down"}, "effectiveDateTime": "2026-11-21"},
    )
    told = page(ana, "story")
    rows = {
        name: next(row for row in re.split(r"<li", told) if f"{name}<" in row)
        for name in ("Weighed", "Written down")
    }
    assert "6 am" in rows["Weighed"]
    assert '<span class="hour num"></span>' in rows["Written down"]


def test_the_story_shows_one_kind_alone(ana: Client) -> None:
    told = words(page(ana, "story", kind="contact"))
    assert "Called, no answer" in told
    assert "Left the hospital" not in told.partition("Everything")[2].partition("Keys")[0]


def test_the_story_goes_on_with_what_is_older(ana: Client, now: datetime) -> None:
    put(
        now,
        *(
            {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": f"Step count {n}"},
                "subject": ref(f"Patient/{MARIA}"),
                "effectiveDateTime": fhir_instant(now - timedelta(days=300 + n)),
                "valueQuantity": {"value": n},
            }
            for n in range(60)
        ),
    )
    first = page(ana, "story")
    seen = {n for n in range(60) if f"Step count {n}<" in first or f"Step count {n}</b>" in first}
    address = re.search(r'href="(/people/[^"]+before=[^"]+)"', first)
    while address:
        more = ana.get(address[1].replace("&amp;", "&")).content.decode()
        seen |= {n for n in range(60) if f"Step count {n}</b>" in more}
        address = re.search(r'href="(/people/[^"]+before=[^"]+)"', more)
    assert seen == set(range(60))


def test_the_plan_begins_with_her_own_words_and_says_why(ana: Client) -> None:
    html = page(ana, "plan")
    told = words(html)
    assert told.index("I want to walk to church again by Easter.") < told.index(
        "Breathing hard when she walks"
    )
    assert "Walk two blocks without stopping" in told
    assert "2 of 4 steps" in told
    assert "In the way: No ride on weekdays; Lucía works until 3" in told
    assert "She answered “often true” to food running out" in told
    answer = re.search(r'href="(/assessments/answered/[^"]+)"', html)
    assert answer
    assert ana.get(answer[1]).status_code == 200


def test_lines_that_are_only_proposed_are_no_plan(ana: Client, now: datetime) -> None:
    category = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
    put(
        now,
        {
            "resourceType": "Condition",
            "verificationStatus": codeable(
                "http://terminology.hl7.org/CodeSystem/condition-ver-status", "provisional"
            ),
            "category": [codeable(category, "health-concern")],
            "code": {"text": "A need nobody agreed"},
            "subject": ref(f"Patient/{MARIA}"),
        },
        {
            "resourceType": "Goal",
            "lifecycleStatus": "proposed",
            "description": {"text": "A goal nobody agreed"},
            "subject": ref(f"Patient/{MARIA}"),
        },
        {
            "resourceType": "Task",
            "status": "draft",
            "intent": "proposal",
            "description": "A step nobody agreed",
            "for": ref(f"Patient/{MARIA}"),
        },
        {
            "resourceType": "CarePlan",
            "status": "draft",
            "intent": "proposal",
            "title": "Proposed for the plan",
            "subject": ref(f"Patient/{MARIA}"),
        },
    )
    told = words(page(ana, "plan"))
    assert "nobody agreed" not in told
    assert "A proposal waits for you" in told
    assert "nobody agreed" not in words(page(ana, "work"))
    assert "nobody agreed" not in words(page(ana, "health"))


def test_new_words_stand_first_and_the_old_ones_stay(ana: Client) -> None:
    ana.post(f"/people/{MARIA}/words", {"words": "  To dance at the wedding.  "})
    told = words(page(ana, "plan"))
    assert told.index("To dance at the wedding.") < told.index("I want to walk to church again")
    assert "What was said before" in told


def test_words_that_were_kept_by_mistake_can_be_taken_back(ana: Client) -> None:
    ana.post(f"/people/{MARIA}/words", {"words": "To dance at the wedding."})
    change = re.search(r'name="change" value="([^"]+)"', page(ana, "plan"))
    assert change
    ana.post("/work/undo", {"change": change[1].replace("&amp;", "&")})
    html = page(ana, "plan")
    assert "To dance at the wedding." not in html
    assert "I want to walk to church again by Easter." in html


def test_no_words_are_asked_for_again_and_what_was_typed_stays(ana: Client) -> None:
    answer = ana.post(f"/people/{MARIA}/words", {"words": " ", "heard_from": "Lucía"})
    assert answer.status_code == 422
    told = answer.content.decode()
    assert "Write what was said, as it was said." in told
    assert 'value="Lucía"' in told


def test_a_barrier_is_written_to_its_goal_and_taken_out_of_the_way(ana: Client) -> None:
    goal = re.search(r"\?add=barrier&amp;under=(Goal/[^\"]+)", page(ana, "plan"))
    assert goal
    typed = {"add": "barrier", "under": goal[1], "text": "The bus stopped", "next": f"/people/{MARIA}/plan"}
    missing = ana.post(f"/people/{MARIA}/plan/line", typed)
    assert missing.status_code == 422
    assert "The bus stopped</textarea>" in missing.content.decode()
    assert "Say why in a few words" in missing.content.decode()
    ana.post(f"/people/{MARIA}/plan/line", {**typed, "because": "Line 82 ended"})
    html = page(ana, "plan")
    assert "The bus stopped" in html
    line = re.search(r'name="line" value="(Condition/[^"]+)"', html[html.index("The bus stopped") :])
    assert line
    ana.post(f"/people/{MARIA}/plan/resolve", {"line": line[1]})
    told = words(page(ana, "plan"))
    assert "<b>In the way:</b> The bus stopped" not in told
    assert "The bus stopped" in told  # it can be taken up again


def test_a_goal_of_somebody_else_gets_no_barrier(ana: Client, now: datetime) -> None:
    settle(now, 2)
    html = ana.get(f"/people/{ident(SEED, 'Patient', 'andre-lewis')}/plan").content.decode()
    goal = re.search(r"\?add=barrier&amp;under=(Goal/[^\"]+)", html)
    assert goal
    typed = {"add": "barrier", "under": goal[1], "text": "Not hers", "because": "so"}
    assert ana.post(f"/people/{MARIA}/plan/line", typed).status_code == 404


def test_work_has_the_acts_of_today_and_what_ended(ana: Client) -> None:
    html = page(ana, "work")
    told = words(html)
    assert "Call after discharge" in told
    assert 'data-key="c"' in html
    assert told.index("Ended") < told.index("Scale at home, weighs each morning")


def test_finished_work_moves_to_what_ended_and_says_who(ana: Client) -> None:
    task = re.search(r'href="/work/([^"/]+)/done"', page(ana, "work"))
    assert task
    ana.post(f"/work/{task[1]}/done", {"outcome": "done", "words": "", "next": f"/people/{MARIA}/work"})
    ended = page(ana, "work").partition("ended-head")[2]
    assert f"/work/{task[1]}" in ended


def test_assessments_tell_score_band_day_and_who(ana: Client) -> None:
    told = words(page(ana, "assessments"))
    assert "PHQ-9 6 of 27 , mild" in told
    assert "may not have enough food, lacks reliable rides" in told
    assert "answered by the person" in told
    assert "minimal or none: 0–4" in told


def test_an_assessment_that_was_begun_can_be_gone_on_with(ana: Client, now: datetime) -> None:
    scope = Scope(staff_actor(User.objects.get(), now), "page", "coordination")
    begun = start_assessment(scope, MARIA, "gad-7", library.load(), now)
    assert f'href="/assessments/{begun.draft.id}/"' in page(ana, "assessments")


def test_health_history_draws_readings_and_says_who_says_so(ana: Client) -> None:
    html = page(ana, "health")
    told = words(html)
    assert "Chronic systolic heart failure" in told
    assert "Wei Chen" in told
    assert "1 from before" in told  # ibuprofen, stopped
    assert "went home (sent as 01)" in told
    assert "style=" not in html.partition("<main")[2]


def test_readings_are_drawn_with_the_range_that_her_doctor_set(ana: Client) -> None:
    html = page(ana, "readings")
    told = words(html)
    assert "Weight: 10 values from Oct 28 to today, the last one 71.4 kg." in html
    assert "Range to be in: 68.5 to 70.5 kg. set by Dr. Chen" in told
    assert "style=" not in html.partition("<main")[2]


def test_about_tells_who_stands_by_her(ana: Client) -> None:
    told = words(page(ana, "about"))
    assert "Lucía Duarte , daughter health care agent" in told
    assert "May know all but mental health." in told
    assert "Gulf Breeze Home Health" in told
    assert "Said yes by phone; cost share explained" in told


def test_about_leads_to_the_programs_she_is_not_in(ana: Client) -> None:
    html = page(ana, "about")
    offered = set(re.findall(r'href="(/people/[^"]+/enroll/[^"]+)"[^>]*>[^<]', html))
    assert offered
    assert f"/people/{MARIA}/enroll/transitions" not in offered  # she is in it: its name leads there
    assert f'href="/people/{MARIA}/enroll/transitions"' in html
    assert ana.get(offered.pop()).status_code == 200


def test_two_of_one_name_are_told_apart_on_the_page(ana: Client, now: datetime) -> None:
    settle(now, 7)
    told = words(page(ana, "story", DOLORES))
    assert "Another person has this very name." in told
    assert "78544" in told


# --- changed since you last looked


def test_at_the_first_look_nothing_is_marked(ana: Client) -> None:
    assert "since you last looked" not in page(ana, "plan")


def test_what_others_changed_is_marked_until_it_was_looked_at(
    ana: Client, chen: Client, clock: MovableClock
) -> None:
    page(ana, "plan")
    page(ana, "story")
    clock.move(hours=2)
    chen.post(f"/people/{MARIA}/words", {"words": "To sleep through the night."})
    clock.move(hours=1)
    story = page(ana, "story")
    assert "1 change since you last looked" in story  # at the tab of the plan
    plan = page(ana, "plan")
    assert "1 change since you last looked" in words(plan)
    assert 'class="changed">new' in plan
    assert "1 change since you last looked" in words(page(ana, "plan"))  # read again within the same visit
    assert 'class="news"' not in page(ana, "story").partition('id="sections"')[2].partition("</nav>")[0]


def test_what_she_wrote_herself_is_no_news(ana: Client, clock: MovableClock) -> None:
    page(ana, "plan")
    clock.move(hours=2)
    ana.post(f"/people/{MARIA}/words", {"words": "To dance."})
    clock.move(hours=1)
    assert "since you last looked" not in page(ana, "plan")


def test_a_look_outlasts_a_rebuild(ana: Client, chen: Client, clock: MovableClock) -> None:
    page(ana, "plan")
    clock.move(hours=2)
    chen.post(f"/people/{MARIA}/words", {"words": "To sleep."})
    with store.open(DEMO, now=clock()) as unit:
        for projector in projections.ALL:
            projector.rebuild(unit)
    clock.move(hours=1)
    assert "1 change since you last looked" in words(page(ana, "plan"))


def test_the_sections_speak_spanish(ana: Client) -> None:
    ana.post("/language", {"language": "es", "next": "/today"})
    told = words(page(ana, "plan"))
    assert "Lo que más importa" in told or "lo que más importa" in told
    assert "Why is this here?" not in told


def test_a_call_without_a_to_do_comes_back_to_her_story(ana: Client) -> None:
    form = ana.get(f"/people/{MARIA}/contact").content.decode()
    where = re.search(r'name="next" value="([^"]+/story)"', form)
    assert where
    answer = ana.post(
        f"/people/{MARIA}/contact",
        {
            "outcome": "reached",
            "minutes": "7",
            "channel": "phone",
            "note": "She weighs each morning.",
            "sign": "1",
            "next": where[1],
        },
    )
    assert answer["Location"] == f"/people/{MARIA}/story"
    told = words(page(ana, "story"))
    assert "Reached by phone" in told.partition("Everything")[2]
    assert "Note signed" in told
