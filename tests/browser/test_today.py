"""A morning at Today in a real browser: by keyboard alone, with what arrives meanwhile, and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.care.work import WorkClass
from tests.browser.conftest import Live, sign_in
from tests.projections import builders as b

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
PASSWORD = "a quiet Monday morning"
HOUSE = Scope(system_actor("rebuild"), "command", "maintenance")


def arrives(live: Live, community: Any, title: str, **work: Any) -> None:
    """Work for Andre Lewis stands in the record from this moment."""
    now = live.clock()
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        found = unit.search("Patient", {"family": "Lewis"}).entries[0]
        task = b.task("new-" + title.lower().replace(" ", "-"), found.id, now, title=title, due=now, **work)
        task["owner"] = {"reference": community.staff["ana"].reference}
        unit.update(task, create=True)


def chosen(page: Any) -> str:
    return str(page.locator(".row[aria-current=true] .act").inner_text())


def toast(page: Any, said: str) -> None:
    page.locator(".toast").get_by_text(said).wait_for()


def titles(page: Any) -> list[str]:
    return list(page.locator("#board > .rows .act").all_inner_texts())


ANSWERS_LATE = """() => {
  const send = XMLHttpRequest.prototype.send;
  const held = [];
  XMLHttpRequest.prototype.send = function (body) { held.push(() => send.call(this, body)); };
  window.answer = () => { XMLHttpRequest.prototype.send = send; held.forEach((each) => each()); };
}"""


def test_what_is_typed_before_a_sheet_stands_is_no_command(
    live: Live, community: Any, open_page: Any
) -> None:
    page = sign_in(open_page(), ANA)
    listed = titles(page)
    page.evaluate(ANSWERS_LATE)
    page.keyboard.press("d")
    page.keyboard.type("jaja")
    assert chosen(page) == listed[0]
    page.evaluate("window.answer()")
    page.get_by_role("heading", name="Close this to-do").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert chosen(page) == listed[1]


TYPED_IN_THE_SAME_MOMENT = """() => {
  const field = document.activeElement;
  field.closest("dialog").close();
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true, cancelable: true }));
}"""


def test_a_field_of_a_closed_sheet_takes_no_keys(live: Live, community: Any, open_page: Any) -> None:
    """The focus stays in it until the page is next painted."""
    page = sign_in(open_page(), ANA)
    listed = titles(page)
    page.keyboard.press("d")
    page.get_by_role("heading", name="Close this to-do").wait_for()
    page.evaluate(TYPED_IN_THE_SAME_MOMENT)
    assert chosen(page) == listed[1]


def test_a_morning_by_keyboard_alone(live: Live, community: Any, open_page: Any) -> None:
    page = sign_in(open_page(), ANA)
    listed = titles(page)
    assert chosen(page) == listed[0]

    page.keyboard.press("j")
    assert chosen(page) == listed[1]
    assert page.evaluate("document.activeElement.textContent") == listed[1]
    name = page.locator(".row[aria-current=true] .who").inner_text().partition(",")[0]
    page.locator("#card").get_by_role("heading", name=name).wait_for()
    page.keyboard.press("k")
    assert chosen(page) == listed[0]

    page.keyboard.press("a")  # I have it
    toast(page, "You have it.")
    page.get_by_text("acknowledged", exact=True).wait_for()

    page.keyboard.press("j")
    page.keyboard.press("d")
    page.get_by_role("heading", name="Close this to-do").wait_for()
    page.keyboard.press("j")  # a key inside a sheet moves nothing behind it
    page.keyboard.press("Tab")
    page.keyboard.type("No new swelling; Dr. Chen knows")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    toast(page, f"Done: {listed[1]}")
    expect(page.locator("#dialog")).not_to_be_visible()
    expect(page.locator(".row[aria-current=true] .act")).to_have_text(listed[2])
    assert page.evaluate("document.activeElement.textContent") == listed[2]

    page.keyboard.press("u")
    toast(page, "Taken back.")
    expect(page.locator(".act").get_by_text(listed[1])).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("duar")
    page.locator("#find-results a").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert "Duarte" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    at = chosen(page)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=at, exact=True).wait_for()


def test_a_call_left_in_the_middle_and_what_somebody_else_did_meanwhile(
    live: Live, community: Any, open_page: Any
) -> None:
    page = sign_in(open_page(), ANA)
    call = page.locator(".row", has_text="Find out how he is")
    call.click(position={"x": 5, "y": 5})
    page.keyboard.press("c")
    page.locator("#contact-note").fill("He sounds tired")
    page.goto("/people")  # within the pause before the draft is saved
    live.clock.move(minutes=6)
    page.goto("/today")
    page.locator(".row", has_text="Find out how he is").click(position={"x": 5, "y": 5})
    page.keyboard.press("c")
    page.locator("#contact-note").wait_for()
    assert page.locator("#contact-note").input_value() == "He sounds tired"
    assert int(page.locator("#minutes").input_value()) >= 6

    page.get_by_label("Reached", exact=True).check()
    page.get_by_label("If reached, this to-do is done").check()
    page.get_by_role("button", name="Sign and log").click()
    toast(page, "Call logged, and done.")
    expect(page.locator(".act").get_by_text("Find out how he is")).to_have_count(0)
    page.wait_for_timeout(900)  # nothing of the closed sheet is saved afterwards
    assert "Find out how he is" not in titles(page)

    row = page.locator(".row", has_text="You said you would call")
    row.click(position={"x": 5, "y": 5})
    page.keyboard.press("s")
    page.get_by_label("Why").fill("Texts are fine")
    with store.open(HOUSE, now=live.clock(), projectors=projections.ALL) as unit:
        id = str(row.get_attribute("data-row"))
        unit.update({**unit.read("Task", id).resource, "note": [{"text": "Samira wrote back"}]})
    page.get_by_role("button", name="Snooze").click()
    page.get_by_text("Someone changed this while you had it open.").wait_for()
    assert page.get_by_text("Samira wrote back").is_visible()
    assert page.get_by_label("Why").input_value() == "Texts are fine"
    page.get_by_role("button", name="Snooze").click()
    toast(page, "Put away:")


def test_what_arrives_stands_there_within_two_seconds_and_takes_nothing_away(
    live: Live, community: Any, open_page: Any
) -> None:
    page = sign_in(open_page(), ANA)
    page.keyboard.press("j")
    at = chosen(page)
    count = int(page.locator("#today-title").inner_text().split("Ana. ")[1].split(" ")[0])
    arrives(live, community, "Call after discharge from St. Luke", klass=WorkClass.CLOCK)
    page.get_by_text("Call after discharge from St. Luke").first.wait_for(timeout=20_000)
    assert chosen(page) == at
    assert page.evaluate("document.activeElement.textContent") == at
    assert f"{count + 1} for today" in page.locator("#today-title").inner_text()
    assert "Call after discharge from St. Luke" in page.locator("#arrivals").inner_text()


def test_a_session_that_ends_under_an_open_sheet_is_covered_and_goes_on_after_signing_in(
    live: Live, community: Any, open_page: Any
) -> None:
    from django.contrib.sessions.models import Session

    page = sign_in(open_page(), ANA)
    page.keyboard.press("n")
    assert page.evaluate("document.activeElement.closest('.menu') !== null")
    page.keyboard.press("Escape")
    page.locator(".row", has_text="You said you would call").click(position={"x": 5, "y": 5})
    page.keyboard.press("h")
    page.get_by_label("To", exact=True).select_option("team")
    page.get_by_label("What they should know").fill("She prefers texts")
    Session.objects.all().delete()
    expect(page.get_by_text("Your session ended.")).to_be_visible(timeout=30_000)
    assert not page.locator(".shell").is_visible()
    assert not page.get_by_label("What they should know").is_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    beside = opened.value
    beside.fill("#email", ANA)
    beside.fill("#password", PASSWORD)
    beside.press("#password", "Enter")
    beside.wait_for_url("**/today*")
    beside.close()
    expect(page.get_by_label("What they should know")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Hand off").click()
    toast(page, "Handed off: You said you would call about the food card.")


def test_without_scripts_everything_is_a_page(live: Live, community: Any, open_page: Any) -> None:
    page = sign_in(open_page(width=390, height=844, javascript=False), ANA)
    row = page.locator(".row", has_text="You said you would call")
    row.get_by_role("link", name="Snooze").click()
    page.get_by_label("Why").fill("She asked for tomorrow")
    page.get_by_label("Tomorrow morning").check()
    page.get_by_role("button", name="Snooze").click()
    page.wait_for_url("**/today")
    assert (
        page.locator(".toast")
        .get_by_text("Put away: You said you would call about the food card.")
        .is_visible()
    )
    page.locator(".toast").get_by_role("button", name="Undo").click()
    assert page.get_by_text("Taken back. It is as it was.").is_visible()
