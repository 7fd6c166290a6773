"""The clinical heart, as a stranger meets it: `careloop demo`, a person whom a hospital's program made known over FHIR,
an intake by phone through an interpreter, by keyboard only, a plan; then a scale that climbs, an alert that says why, a
plan that changes, and the person's paper that says what changed, in Spanish."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.server.demo.community import Community
from tests.browser.conftest import sign_in
from tests.browser.hand import Hand, text_of
from tests.browser.looking import look as seen
from tests.browser.running_demo import Demo, new_home, running_demo

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]
ANA = "ana.reyes@careloop.example"
NAME = "Amparo Villalobos"
MATTERS = "To dance at my grandson's wedding in June."
INTERPRETER = "Rosa Lima, ID 4471"
UCUM = "http://unitsofmeasure.org"
CALL = "Call about the weight: breath, swelling, salt, water pills"
CHANGED = "Ask Dr. Chen today about one more water pill"
CHANGED_ES = "Preguntar hoy al Dr. Chen por otra pastilla para el agua"
# From the answer that the record has it to the row on the open page: the number is the issue’s own.
WITHIN_S = 2.0


@pytest.fixture(scope="module")
def demo(chromium: Any) -> Iterator[Demo]:
    home = new_home("intake")
    with running_demo(home, people=16) as found:
        yield found
    shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class Program:
    """An API client: a program at the hospital, and later a scale's own."""

    demo: Demo

    def post(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Created, or the test ends."""
        kind = resource["resourceType"]
        address = f"{self.demo.url}/fhir" + ("" if kind == "Bundle" else f"/{kind}")
        head = {"Authorization": f"Bearer {self.demo.token}", "Content-Type": "application/fhir+json"}
        asked = urllib.request.Request(address, json.dumps(resource).encode(), head, method="POST")
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert answer.status == (200 if kind == "Bundle" else 201)
            found: dict[str, Any] = json.loads(answer.read())
            return found


def made_known(program: Program) -> str:
    """Patient, diagnosis and who leads her care, in one transaction. Her id."""
    community = Community(7)
    ana, site = community.staff["ana"], community.organization("bayview")
    her = "urn:uuid:6f1f1b1a-6d0e-4a66-9f0b-3f3f1f1b1a01"
    patient = {
        "resourceType": "Patient",
        "extension": [{"url": uris.INTERPRETER, "valueBoolean": True}],
        "name": [{"use": "official", "given": ["Amparo"], "family": "Villalobos"}],
        "gender": "female",
        "birthDate": "1951-05-14",
        "telecom": [{"system": "phone", "value": "(713) 555-0199", "use": "home"}],
        "address": [{"city": "Houston", "state": "TX", "postalCode": "77011", "country": "US"}],
        "communication": [{"language": codeable("urn:ietf:bcp:47", "es", "Spanish"), "preferred": True}],
        "managingOrganization": ref(site),
        "generalPractitioner": [ref(community.staff["chen"].reference)],
    }
    condition = {
        "resourceType": "Condition",
        "clinicalStatus": codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "verificationStatus": codeable(
            "http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"
        ),
        "code": codeable(uris.ICD10CM, "I50.22", "Chronic systolic heart failure"),
        "subject": ref(her),
    }
    team = {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": ref(her),
        "participant": [
            {"role": [codeable("urn:careloop:code:team-role", "lead")], "member": ref(ana.reference)}
        ],
        "managingOrganization": [ref(site)],
    }
    entries = [
        {"fullUrl": her, "resource": patient, "request": {"method": "POST", "url": "Patient"}},
        {"resource": condition, "request": {"method": "POST", "url": "Condition"}},
        {"resource": team, "request": {"method": "POST", "url": "CareTeam"}},
    ]
    answer = program.post({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    return str(answer["entry"][0]["response"]["location"]).split("Patient/")[1].split("/")[0]


def weighs(program: Program, person: str, device: str, kilos: str, at: datetime) -> None:
    program.post(
        {
            "resourceType": "Observation",
            "status": "final",
            "category": [
                codeable("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs")
            ],
            "code": codeable(uris.LOINC, "29463-7", "Body weight"),
            "subject": ref(f"Patient/{person}"),
            "effectiveDateTime": fhir_instant(at),
            "device": ref(device),
            "valueQuantity": {"value": float(kilos), "unit": "kg", "system": UCUM, "code": "kg"},
        }
    )


# What she says. A number is the key of an answer, several are ticked, words are typed. Whatever is not here: “no”,
# “none of these”, or gone past when nobody has to answer it.
SAYS: dict[str, str | list[int]] = {
    "now": [2],
    "matters": MATTERS,
    "rating": [3],
    "conditions": [1, 3],
    "expects": [5],
    "symptoms": [6],
    "interest": [1],
    "mood": [1],
    "memory": [2],
    "daily": [7],
    "tasks": [5],
    "fell": [2],
    "senses": [5],
    "drinks": [1],
    "many": "6",
    "missed": "3",
    "obstacles": [1, 5],
    "lives": [2],
    "hazards": [8],
    "food-worry": [3],
    "food-lasted": [3],
    "basics": [6],
    "helpers": [2],
    "enough": [1],
    "strain": [1],
    "looks-after": [2],
    "agencies": [9],
    "papers": [4],
    "way": [9],
    "review": "",
}


def test_from_an_intake_by_phone_to_a_plan_that_changed(
    demo: Demo, chromium: Any, record_property: Any
) -> None:
    context = chromium.new_context(
        viewport={"width": 1360, "height": 900}, base_url=demo.url, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    program, hand = Program(demo), Hand(page, is_keys=True)
    person = made_known(program)

    sign_in(page, ANA)
    she_is_found_from_the_rail(page, hand)
    the_intake_is_asked(page, hand)
    the_call_is_logged(page, hand)
    the_plan_is_accepted(page, hand)
    she_goes_over_it_with_her(page, hand)
    who_interpreted_stands_there(page, person)
    took = the_scale_climbs(page, program, person)
    the_alert_says_why(page, hand)
    the_plan_is_adjusted(page, hand)
    the_history_says_why(page, person)
    her_paper_says_what_changed(page, person)
    record_property("ms_to_row", round(took * 1000))
    allowed = WITHIN_S * others_want()
    sys.stdout.write(f"\nfrom 201 to the row on Today: {took * 1000:.0f} ms (allowed {allowed:.1f} s)\n")
    assert took < allowed
    assert not faults
    context.close()


def others_want() -> float:
    """How many times more is wanted of this machine than it has: 1 on a quiet one, where the number holds."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def she_is_found_from_the_rail(page: Any, hand: Hand) -> None:
    hand.press(page.locator(".rail").get_by_role("link", name="People"))
    page.wait_for_url("**/people")
    page.keyboard.press("/")
    page.keyboard.type("Villalobos")
    page.locator("#find-results a").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/story")


def the_intake_is_asked(page: Any, hand: Hand) -> None:
    hand.press(page.get_by_role("link", name="Assessments").first)
    page.wait_for_url("**/assessments")
    hand.press(page.get_by_role("link", name="Begin Comprehensive intake"))
    page.wait_for_url("**/assess/intake")
    helped = page.get_by_label("An interpreter helps")
    assert helped.is_checked(), "the record says that she needs one"
    hand.write(page.get_by_label("Name or number of the interpreter, if you know it"), INTERPRETER)
    hand.tab_to(page.get_by_label("How the interpreter takes part"))
    page.keyboard.type("On the phone")
    seen(page, "intake-begin")
    hand.press(page.get_by_role("button", name="Begin"))
    page.wait_for_url("**/assessments/*/")
    asked = every_question_is_answered(page)
    assert set(SAYS) <= set(asked), f"never asked: {set(SAYS) - set(asked)}"
    seen(page, "intake-finish")
    hand.press(page.get_by_role("button", name="Finish", exact=True))
    page.locator("table.given").wait_for()
    told = page.locator("main").inner_text()
    assert f"with an interpreter ({INTERPRETER}, on the phone)" in told
    seen(page, "intake-done")


def every_question_is_answered(page: Any) -> list[str]:
    """With keys alone. Returns what was asked, in its order."""
    asked: list[str] = []
    for _ in range(80):
        place = page.locator("[data-question][aria-current=step]")
        item = place.get_attribute("data-question")
        if item == "finish":
            return asked
        assert item not in asked, f"{item} does not let go"
        asked.append(item)
        if len(asked) == 12:
            seen(page, "intake-in-the-middle")
        answer(page, place, place.get_attribute("data-control"), SAYS.get(item, []))
        page.locator(f"[data-question='{item}']:not([aria-current])").wait_for(timeout=10_000)
    raise AssertionError("the questions do not end")


def answer(page: Any, place: Any, control: str, said: str | list[int]) -> None:
    if isinstance(said, list):
        for key in said:
            page.keyboard.press(str(key))
        if not said:
            page.keyboard.press("ArrowDown")  # nobody has to answer it
        elif control == "boxes":
            page.keyboard.press("Enter")
        return
    page.keyboard.press("Enter")  # into its field
    page.locator(".question[aria-current=step] :is(input, textarea):focus").wait_for()
    later = datetime.now() + timedelta(days=180)  # noqa: DTZ005  # as she reads her own calendar
    page.keyboard.type(f"{later:%m%d%Y}" if control == "date" else said)
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "move":
            break
    page.keyboard.press("Enter")  # “Keep and go on”


def the_call_is_logged(page: Any, hand: Hand) -> None:
    hand.press(page.get_by_role("link", name="Log this call"))
    sheet = page.locator("#dialog")
    sheet.get_by_role("heading", name="Log a call").wait_for()
    assert sheet.get_by_label("Reached", exact=True).is_checked()
    assert sheet.get_by_label("Name or number of the interpreter").input_value() == INTERPRETER
    seen(page, "intake-call")
    hand.write(
        sheet.get_by_label("Note", exact=True), "Went through the whole intake; wants help with pills."
    )
    hand.press(sheet.get_by_role("button", name="Sign and log"))
    page.locator(".toast").get_by_text("Call logged").wait_for()


def the_plan_is_accepted(page: Any, hand: Hand) -> None:
    hand.press(page.get_by_role("link", name="See what this proposes"))
    page.wait_for_url("**/proposals/*/")
    seen(page, "intake-proposal")
    accept_each(page)
    expect(page.locator(".make .main:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="This is the plan now").wait_for()


def she_goes_over_it_with_her(page: Any, hand: Hand) -> None:
    """Still on the phone: from now on her paper says what is new since."""
    hand.press(page.get_by_role("link", name="See the whole plan"))
    page.wait_for_url("**/plan")
    hers = page.locator(".seen-by li", has_text=NAME)
    hand.press(hers.get_by_role("button", name="We went over it"))
    hers.get_by_role("button").wait_for(state="detached")
    assert MATTERS in page.locator("main").inner_text(), "what she said matters to her stands over her plan"
    seen(page, "intake-plan")


def accept_each(page: Any, but: str = "") -> None:
    """`a` on each line. but: a line with these words is changed first."""
    total = page.locator("[data-line]").count()
    assert total >= 3
    for turn in range(1, total + 1):
        line = page.locator("[data-line][aria-current=true]")
        line.wait_for()
        if but and but in line.inner_text():
            page.keyboard.press("e")
            page.locator(".in-place textarea#text").wait_for()
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.type(CHANGED)
            page.keyboard.press("Tab")  # beside it, since she reads Spanish: what stands on her own copy
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.type(CHANGED_ES)
            for _ in range(20):
                if page.evaluate("document.activeElement.value") == "edit":
                    break
                page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("a")
        page.locator("#proposed-title .num").get_by_text(f"{turn} of {total}").wait_for()


def who_interpreted_stands_there(page: Any, person: str) -> None:
    page.goto(f"/people/{person}/story")
    told = page.locator("main").inner_text()
    assert f"In Spanish, through an interpreter ({INTERPRETER}, on the phone)" in told
    assert "Plan agreed" in told
    seen(page, "intake-story")


def the_scale_climbs(page: Any, program: Program, person: str) -> float:
    """2 kg in 2 days, while Today stands open. Seconds from the answer that it is on record to the row."""
    scale = {
        "resourceType": "Device",
        "status": "active",
        "deviceName": [{"name": "Bathroom scale", "type": "user-friendly-name"}],
        "patient": ref(f"Patient/{person}"),
    }
    device = f"Device/{program.post(scale)['id']}"
    now = datetime.now(UTC)
    weighs(program, person, device, "80.0", now - timedelta(days=2))
    page.goto("/today")
    page.locator("#board .row").first.wait_for()
    page.wait_for_timeout(1_500)  # what the first value asked for is done: she reads, and nothing moves
    assert page.locator(".row", has_text=NAME).filter(has_text=CALL).count() == 0
    weighs(program, person, device, "82.0", now)
    began = time.perf_counter()
    page.locator(".row", has_text=NAME).filter(has_text=CALL).wait_for()
    return time.perf_counter() - began


def the_alert_says_why(page: Any, hand: Hand) -> None:
    row = page.locator(".row", has_text=NAME).filter(has_text=CALL)
    assert row.count() == 1, "one cause is one row"
    said = row.locator(".why").inner_text()
    assert "Weight is up 2 kg: 80 kg on" in said
    assert "2 kg within 2 days counts" in said
    hand.on_row(row, "o")
    page.wait_for_url("**/alerts/*")
    told = page.locator("main").inner_text()
    for words in (
        "Weight is up 2 kg",
        "80 kg",
        "82 kg",
        "Dr. Wei Chen, medical director (made up)",
        "American Heart Association",
    ):
        assert words in told, f"the alert does not say: {words}"
    seen(page, "intake-alert")


def the_plan_is_adjusted(page: Any, hand: Hand) -> None:
    hand.press(page.get_by_role("link", name="Read what it proposes for the plan"))
    page.wait_for_url("**/proposals/*/")
    seen(page, "intake-adjust")
    accept_each(page, but="Look at the water pills and the salt with the person")
    expect(page.locator(".make .main:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="This is the plan now").wait_for()


def the_history_says_why(page: Any, person: str) -> None:
    page.goto(f"/people/{person}/plan/changes")
    told = page.locator("main").inner_text()
    assert CHANGED in told
    assert "Weight is up 2 kg" in told
    seen(page, "intake-changes")


def her_paper_says_what_changed(page: Any, person: str) -> None:
    page.goto(f"/people/{person}/plan/print?language=es")
    page.locator(".paper .news-list", has_text=CHANGED_ES).wait_for()
    seen(page, "intake-paper")
    told = " ".join(page.locator(".paper").inner_text().split())
    paper = page.request.get(f"/people/{person}/plan.pdf?language=es")
    assert paper.headers["content-type"] == "application/pdf"
    printed = text_of(paper.body(), told)
    for words in (
        "Lo nuevo desde el",
        MATTERS,
        "Líquido que se acumula",
        CHANGED_ES,
        "Pesarse cada mañana antes del desayuno y apuntarlo (usted,",
    ):
        assert words in told, f"the page does not say: {words}"
        assert words in printed, f"the paper does not say: {words}"
    assert CHANGED not in printed
