"""The first loop, as a stranger meets it: `careloop demo`, a hospital's message over MLLP, and a coordinator in a real
browser, from the discharge on Today to the plan on paper. At desktop width, on a phone, and by keyboard only."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import expect
from tools.send_hl7 import made_up_discharge

from tests.browser.conftest import sign_in
from tests.browser.hand import Hand, on_line, text_of
from tests.browser.looking import look as seen
from tests.browser.running_demo import Demo, new_home, running_demo
from tests.corpora.corpora import CORPORA
from tests.corpora.redate import redated

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]
ANA = "ana.reyes@careloop.example"


@pytest.fixture(scope="module")
def demo(chromium: Any) -> Iterator[Demo]:
    home = new_home("loop")
    with running_demo(home) as found:
        yield found
    shutil.rmtree(home, ignore_errors=True)


HOW: dict[str, dict[str, Any]] = {
    "desktop": {"width": 1360, "height": 900},
    "phone": {"width": 390, "height": 844},
    "keys": {"width": 1280, "height": 800},
}
NAMES = {"desktop": "Weaver^Iris", "phone": "Mason^Hazel", "keys": "Fletcher^Olive"}
BIRTH_YEAR = 1930
REAL = CORPORA / "hl7v2" / "ms-fhir-converter" / "ADT-A03-01.hl7"
CHANGED = "Call her doctor about how she feels"
numbers = count(int(time.time()) % 10**7)


def a_discharge(how: str) -> bytes:
    """The real message where it lies beside the checkout, else the made-up one, about somebody of our own."""
    now, number = datetime.now(UTC), str(next(numbers))
    raw = REAL.read_bytes() if REAL.exists() else made_up_discharge(now)
    birth_year = BIRTH_YEAR + list(HOW).index(how) * 7
    about = {
        "PID_3": f"{number}^^^STLUKES^MR",
        "PID_5": NAMES[how],
        "PID_7": f"{birth_year}0311",
        "PID_13": "^PRN^PH^^1^713^555" + number[-4:],
    }
    gone = {"PID_9": "", "PID_18": "", "PID_19": "", "PID_2": "", "PID_4": "", "PID_29": "", "PID_30": ""}
    return redated(raw, now, control=f"LOOP{number}", PV1_19=f"V{number}", **about, **gone)


@pytest.mark.parametrize("how", HOW)
def test_from_a_discharge_message_to_a_plan_on_paper(demo: Demo, chromium: Any, how: str) -> None:
    context = chromium.new_context(viewport=HOW[how], base_url=demo.url, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(30_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    hand = Hand(page, is_keys=how == "keys")
    message = a_discharge(how)
    person = " ".join(reversed(NAMES[how].split("^")))

    sign_in(page, ANA)
    row = the_discharge_arrives(page, demo, message, person)
    seen(page, f"loop-{how}-today")
    assert "MSA|AA|" in demo.send(message)
    the_call_is_made(page, hand, row)
    seen(page, f"loop-{how}-after-call")
    page.goto(page.get_by_role("link", name=person).first.get_attribute("href"))
    the_questions_are_asked(page, hand, how)
    the_plan_is_decided(page, hand, how)
    everything_shows_it(page, demo, message, person, how)
    assert not faults
    context.close()


def the_discharge_arrives(page: Any, demo: Demo, message: bytes, person: str) -> Any:
    answer = demo.send(message)
    assert "MSA|AA|" in answer
    row = page.locator(".row", has_text=person).filter(has_text="Call after discharge")
    row.wait_for()
    assert "Discharged" in row.locator(".why").inner_text()
    due = row.locator(".when time").get_attribute("title")
    assert "CST" in due or "CDT" in due or "Central" in due
    return row


def the_call_is_made(page: Any, hand: Hand, row: Any) -> None:
    hand.on_row(row, "t")
    row.locator("[data-key=t]").wait_for(state="detached")
    hand.on_row(row, "c")
    sheet = page.locator("#dialog")
    sheet.get_by_role("heading", name="Log a call").wait_for()
    hand.choose(sheet.get_by_label("Reached", exact=True))
    hand.write(sheet.get_by_label("Minutes"), "7")
    hand.write(sheet.get_by_label("Note", exact=True), "Doing well at home; has all her medications.")
    hand.press(sheet.get_by_role("button", name="Sign and log"))
    row.wait_for(state="detached")


def answer(page: Any, keys: str) -> None:
    """One number key a question; each answer is kept before the next."""
    for done, key in enumerate(keys, start=1):
        page.keyboard.press(key)
        page.locator("#assess-head").get_by_text(f"{done} of").wait_for()


def begin(page: Any, hand: Hand, title: str, how: str) -> None:
    hand.press(page.get_by_role("link", name="Assessments").first)
    page.wait_for_url("**/assessments")
    seen(page, f"loop-{how}-assessments")
    hand.press(page.get_by_role("link", name=f"Begin {title}"))
    hand.press(page.get_by_role("button", name="Begin"))
    page.wait_for_url("**/assessments/*/")


def finish(page: Any, hand: Hand) -> None:
    hand.press(page.get_by_role("button", name="Finish", exact=True))
    page.locator("table.given").wait_for()


def the_questions_are_asked(page: Any, hand: Hand, how: str) -> None:
    """PHQ-9 with 11 points and no thought of death; then food and rides are short, and she wants help."""
    begin(page, hand, "Patient Health Questionnaire, nine questions", how)
    answer(page, "3333222112")
    seen(page, f"loop-{how}-phq9")
    finish(page, hand)
    assert page.locator(".result .num").first.inner_text() == "11"
    seen(page, f"loop-{how}-phq9-done")
    begin(page, hand, "Health-related social needs", how)
    answer(page, "18")
    page.keyboard.press("Enter")
    for done, key in enumerate("21121", start=3):
        page.locator(".question[aria-current=step]").wait_for()
        page.keyboard.press(key)
        page.locator("#assess-head").get_by_text(f"{done} of").wait_for()
    seen(page, f"loop-{how}-needs")
    finish(page, hand)
    seen(page, f"loop-{how}-needs-done")


def the_plan_is_decided(page: Any, hand: Hand, how: str) -> None:
    """One line changed, one declined, the rest accepted."""
    hand.press(page.get_by_role("link", name="See what this proposes"))
    page.wait_for_url("**/proposals/*/")
    for need in ("Low mood", "not enough to eat", "No ride"):
        page.locator(".pline.of-need", has_text=need).wait_for()
    seen(page, f"loop-{how}-proposal")
    lines = page.locator(".pline.of-action")
    on_line(page, hand, lines.nth(0), "e")
    hand.write(page.locator("#text"), CHANGED)
    hand.press(page.get_by_role("button", name="Save and accept"))
    page.locator(".pline.is-edited", has_text=CHANGED).wait_for()
    declined = lines.nth(1).locator(".says").inner_text()
    on_line(page, hand, lines.nth(1), "x")
    hand.choose(page.locator(".in-place input[name=reason]").first)
    seen(page, f"loop-{how}-decline")
    hand.press(page.locator(".in-place").get_by_role("button", name="Decline"))
    page.locator(".pline.is-declined", has_text=declined).wait_for()
    hand.press(page.locator(".make button.line"))
    page.locator(".make button.line").wait_for(state="detached")
    hand.press(page.get_by_role("button", name="Make this the plan"))
    page.get_by_role("heading", name="This is the plan now").wait_for()
    seen(page, f"loop-{how}-next")


def everything_shows_it(page: Any, demo: Demo, message: bytes, person: str, how: str) -> None:
    """Plan, tasks, timeline and PDF; and the message once more changes nothing of it."""
    page.get_by_role("link", name="See the whole plan").click()
    page.wait_for_url("**/plan")
    home = page.url.removesuffix("/plan")
    page.get_by_text(CHANGED).first.wait_for()
    seen(page, f"loop-{how}-plan")
    for section in ("story", "work", "health"):
        page.goto(f"{home}/{section}")
        seen(page, f"loop-{how}-{section}")
    page.goto(f"{home}/story")
    for told in ("Left the hospital", "Reached by phone", "PHQ-9", "Plan agreed"):
        assert told in page.locator("main").inner_text(), f"the story does not tell: {told}"
    page.goto(f"{home}/work")
    before = whole_text(page)
    assert CHANGED in before
    paper = page.request.get(f"{home}/plan.pdf")
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.body().startswith(b"%PDF")
    assert CHANGED in text_of(paper.body(), CHANGED)
    for again in (message, message.replace(b"|LOOP", b"|AGAIN")):
        assert "MSA|AA|" in demo.send(again)
    time.sleep(1.5)
    page.reload()
    assert whole_text(page) == before


def whole_text(page: Any) -> str:
    """With the parts that a page asks for by itself once it stands."""
    expect(page.locator("main [hx-trigger=load]")).to_have_count(0)
    return str(page.locator("main").inner_text())


def test_the_message_as_it_stands_ends_as_a_review_item(demo: Demo, chromium: Any) -> None:
    """Of 2015, from nowhere that has a zone: no deadline is made up, a person decides."""
    if not REAL.exists():
        pytest.skip(f"the real message is not beside this checkout ({REAL})")
    assert "MSA|AA|" in demo.send(REAL.read_bytes())
    context = chromium.new_context(viewport=HOW["desktop"], base_url=demo.url)
    page = sign_in(context.new_page(), ANA)
    page.goto("/review")
    item = page.get_by_text("window closed, zone unknown").first
    for _ in range(20):
        if item.is_visible():
            break
        page.wait_for_timeout(250)
        page.reload()
    assert item.is_visible()
    seen(page, "loop-review")
    context.close()


def test_the_demonstration_says_how_to_come_in(demo: Demo) -> None:
    assert demo.url in demo.said
    for role in ("coordinator", "clinician", "supervisor"):
        assert f"  {role} " in demo.said
    assert "a quiet Monday morning" in demo.said
