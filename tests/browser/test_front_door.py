"""The front door and the review room in a browser: how they look, and by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest

from careloop import library, projections, store
from careloop.access import Scope, system_actor
from careloop.actions.enroll_person import begin_enrollment
from careloop.connect.hl7v2 import process, receive
from tests.browser.conftest import sign_in
from tests.browser.looking import look
from tests.connect.hl7v2.messages import adt

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844},
    "narrow-es": {"width": 320, "height": 700, "language": "es-US"},
}
PANEL = (
    b"First name,Last name,DOB,MRN,Phone,ZIP,Language,Notes\n"
    b"Rosa,Guti\xc3\xa9rrez,5/2/1971,80317,(713) 555-0199,77011,Spanish,likes tea\n"
    b"Tom,Okafor,31/1/1990,80318,713-555-0198,77011,English,\n"
    b"Maria,Duarte,3/2/1959,,713-555-0142,77011,,\n"
)


@pytest.fixture
def busy(community: Any, live: Any) -> Any:
    """Somebody on the way in, a message that fits two, and two with one number that could not be read."""
    now = live.clock()
    house = Scope(system_actor("demo"), "command", "maintenance")
    programs = library.load().programs
    with store.open(house, now=now, projectors=projections.ALL) as unit:
        for entry in unit.search("Patient", {"family": "Washington,Molina", "_count": "3"}).entries:
            begin_enrollment(unit, entry, programs["community-support"])
    from careloop.accounts.models import Sender

    sender = Sender.objects.order_by("name").first()
    assert sender is not None
    head = f"|{sender.application or 'EPIC'}|{sender.facility or 'STLUKES'}|CARELOOP|"
    for raw in (
        adt(
            "A03",
            mrn="99001",
            name="RIVERA^DOLORES",
            born="19550412",
            phone="7135550172",
            place="",
            left="Nov 20 16:20",
            visit="Q1",
        ),
        adt("A99", control="odd"),
        adt("A99", control="odd", mrn="99002"),
    ):
        receive.accept(
            raw.replace(b"|EPIC|STLUKES|CARELOOP|", head.encode()), "127.0.0.1", now, sender=sender
        )
    process.run(now)
    return community


@pytest.mark.parametrize("how", ["wide", "phone"])
def test_every_page_of_the_front_door_and_the_review_room(busy: Any, open_page: Any, how: str) -> None:
    page = sign_in(open_page(**LOOKS[how]), ANA)
    person = _doors(page, how)
    page.goto(f"/people/{person}/enroll")
    look(page, f"programs-{how}")
    page.goto(f"/people/{person}/edit")
    look(page, f"edit-{how}")
    page.goto("/people/new")
    page.fill("#given", "Maria")
    page.fill("#family", "Duarte")
    page.fill("#phone", "12")
    page.locator(".form .buttons button.main").click()
    page.locator(".error-summary").wait_for()
    look(page, f"new-faults-{how}")
    page.fill("#phone", "(713) 555-0148")
    page.locator(".form .buttons button.main").click()
    page.locator(".alike").wait_for()
    look(page, f"new-alike-{how}")
    page.goto("/front-door")
    page.locator("a.act[href$='/answer']").first.click()
    page.locator("#answer-words").wait_for()
    look(page, f"answer-{how}")
    page.goto("/front-door/referral")
    look(page, f"referral-{how}")
    page.goto("/front-door/panel")
    page.set_input_files("#file", {"name": "panel.csv", "mimeType": "text/csv", "buffer": PANEL})
    look(page, f"panel-{how}")
    page.locator(".form .buttons button.main").click()
    page.locator("#result").wait_for()
    look(page, f"panel-look-{how}")
    page.goto("/review")
    page.locator("a[href^='/review/messages/']").first.click()
    page.locator("a[href$='/raw']").click()
    page.locator("pre.raw").wait_for()
    look(page, f"message-{how}")


@pytest.mark.parametrize("how", ["dark", "narrow-es"])
def test_in_the_dark_and_in_spanish(busy: Any, open_page: Any, how: str) -> None:
    from careloop.accounts.models import User

    User.objects.filter(email=ANA).update(language="es" if how.endswith("es") else "en")
    page = open_page(**LOOKS[how])
    sign_in(page, ANA)
    _doors(page, how)


def _doors(page: Any, how: str) -> str:
    """The list, the steps, the review room and a match; the id of the first person on the way in."""
    page.goto("/front-door")
    look(page, f"front-door-{how}")
    page.locator(".queue a.act[href*='/enroll/']").first.click()

    page.locator(".way").wait_for()
    look(page, f"enroll-{how}")
    person = page.url.split("/people/")[1].split("/")[0]
    page.goto("/review")
    page.locator("#repeats > summary").click()
    look(page, f"review-{how}")
    page.locator(".queue a.act").first.click()
    page.locator("#field-choice").wait_for()
    look(page, f"review-item-{how}")
    return str(person)


def test_a_referral_and_a_match_by_keyboard_alone(busy: Any, open_page: Any) -> None:
    page = sign_in(open_page(), ANA)
    page.goto("/front-door")
    page.keyboard.press("n")
    page.wait_for_url("**/front-door/referral")
    page.locator("#by").focus()
    for typed in ("Dr. Chen", "7135550114", "Community support", "", ""):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.id") != "reason":
        page.keyboard.press("Tab")
    page.keyboard.type("No food on the 25th")
    for field, typed in (
        ("given", "Rosa"),
        ("family", "Ruiz"),
        ("phone", "7135550199"),
        ("postal_code", "77011"),
    ):
        while page.evaluate("document.activeElement.id") != field:
            page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    page.wait_for_url("**/enroll/community-support")
    page.keyboard.press("y")
    page.get_by_text("Log call").first.wait_for()
    page.keyboard.press("c")
    page.locator("#dialog[open] form").wait_for()
    page.keyboard.press("Escape")
    page.goto("/review")
    page.keyboard.press("o")
    page.locator("#field-choice").wait_for()
    page.keyboard.press("1")
    assert page.locator("input[name=choice]").first.is_checked()
    while page.evaluate("document.activeElement.id") != "reason":
        page.keyboard.press("Tab")
    page.keyboard.type("Asked the hospital")
    page.keyboard.press("Enter")
    page.wait_for_url("**/review?done=1")
    assert page.locator(".queue a[data-focus]").evaluate("node => node === document.activeElement")
