"""Asking the questions in a real browser: by keyboard only, on a phone, in Spanish, without scripts or network."""

from __future__ import annotations

import re
from typing import Any

import pytest

from careloop.library import load
from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look, picture

pytestmark = pytest.mark.browser
PHQ = load().instruments["phq-9"].scoring.items
ANA = "ana.reyes@careloop.example"
OSEI = "adaeze.osei@careloop.example"


def saved(page: Any, n: int, total: int) -> None:
    page.get_by_text(f"{n} of {total}", exact=True).wait_for()
    page.locator("#assess-saved", has_text="Saved").wait_for()


def begin(page: Any, person: str, instrument: str) -> str:
    page.goto(f"/people/{person}/assess/{instrument}")
    page.get_by_role("button", name="Begin").press("Enter")
    page.wait_for_url("**/assessments/*/")
    return str(page.url)


def on_paper(page: Any, name: str) -> None:
    """Every question stands on the paper, nothing that only a screen can use."""
    page.emulate_media(media="print")
    assert not page.locator("button.main, .safety, .rail").locator("visible=true").count()
    picture(page, name, is_whole=True)
    page.emulate_media(media="screen")


def in_spanish(page: Any) -> None:
    page.locator(".account > summary").click()
    page.locator("button[name=language][value=es]").click()
    page.locator("html[lang=es]").wait_for()


@pytest.fixture
def maria(community: Any) -> str:
    return ident(community.seed, "Patient", "maria-duarte")


def test_by_keyboard_only_from_the_first_question_to_the_clinician(
    community: Any, open_page: Any, maria: str
) -> None:
    page = sign_in(open_page(), ANA)
    page.goto(f"/people/{maria}/assess/phq-9")
    look(page, "assess-begin-wide")
    begin(page, maria, "phq-9")
    for n, key in enumerate("1232", 1):
        page.keyboard.press(key)
        saved(page, n, 9 if n == 1 else 10)
    look(page, "assess-some-wide")
    on_paper(page, "assess-some-paper")
    page.keyboard.press("k")  # back to the fourth: said otherwise
    page.keyboard.press("1")
    page.keyboard.press("d")  # the fifth: declined
    page.get_by_role("button", name="Declined", pressed=True).wait_for()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("2")
    for key in "113":
        page.keyboard.press(key)
    saved(page, 8, 10)
    page.keyboard.press("2")  # the ninth is critical
    heading = page.get_by_role("heading", name="Stay with the person. This is about safety.")
    heading.wait_for()
    assert page.evaluate("document.activeElement.closest('.alarm') !== null"), (
        "focus stays with what is urgent"
    )
    assert page.locator("#q-thoughts[aria-current]").count() == 1, "the page does not go on by itself"
    look(page, "assess-alarm-wide")
    page.reload()  # she comes back before safety is written down: it is still what comes first
    page.locator(".alarm h2:focus").wait_for()
    for field, typed in (
        ("#safety-where", "at home, in the kitchen"),
        ("#safety-callback", "(713) 555-0148"),
    ):
        page.locator(field).focus()
        page.keyboard.press("Control+a")
        page.keyboard.type(typed)
    page.get_by_label("Yes, safe now").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Write it down").press("Enter")
    page.get_by_text("Written down, and with the urgent to-do").wait_for()
    look(page, "assess-alarm-told")
    page.locator("#q-difficulty .answer").first.focus()
    page.keyboard.press("2")
    saved(page, 10, 10)
    page.get_by_role("button", name="Finish").press("Enter")
    page.wait_for_url("**/assessments/answered/**")
    page.get_by_text("of 27").first.wait_for()
    look(page, "assess-done-wide")
    on_paper(page, "assess-done-paper")
    clinician = sign_in(open_page(390, 844), OSEI)
    clinician.goto("/today")
    clinician.goto(clinician.locator("form[action$='/acknowledge']").first.get_attribute("action"))
    look(clinician, "assess-acknowledge-phone")
    clinician.get_by_role("button", name="I have it").press("Enter")
    clinician.get_by_text("You have it").first.wait_for()
    page.reload()
    page.get_by_text(re.compile("Adaeze Osei.* has it")).first.wait_for()


def test_on_a_phone_dark_and_in_spanish(community: Any, open_page: Any, maria: str) -> None:
    page = sign_in(open_page(390, 844, dark=True), ANA)
    page.goto(f"/people/{maria}/assess/ahc-hrsn")
    page.get_by_text("Spanish", exact=True).click()
    look(page, "assess-begin-phone-dark")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/assessments/*/")
    page.get_by_role("button", name="Tengo dónde vivir hoy").click()
    page.get_by_text("Moho").click()
    look(page, "assess-many-phone-dark")
    page.get_by_role("button", name="Keep and go on").locator("visible=true").click()
    for _ in range(2):
        page.get_by_role("button", name="A veces fue así").locator("visible=true").click()
    page.locator("#q-rides").get_by_role("button", name="No", exact=True).click()
    page.get_by_text("may not have enough food").wait_for()
    page.goto(page.url + "?q=finish")
    look(page, "assess-finish-phone-dark")
    wide = sign_in(open_page(), ANA)
    in_spanish(wide)
    wide.goto(f"/people/{maria}/assess/transition-call")
    wide.get_by_text("español", exact=True).click()
    look(wide, "assess-begin-spanish")
    wide.get_by_role("button", name="Empezar").click()
    wide.wait_for_url("**/assessments/*/")
    wide.get_by_label("Fiebre de 100.4").check()
    wide.get_by_role("heading", name="Esto necesita a alguien ahora.").wait_for()
    look(wide, "assess-call-spanish")
    narrow = sign_in(open_page(320, 700), ANA)
    narrow.goto(wide.url)
    look(narrow, "assess-narrow-spanish")
    wide.goto("/assess/phq-9/blank?language=es")
    look(wide, "assess-blank-spanish")


def test_what_can_not_be_saved_waits_on_the_page_and_goes_through_later(
    community: Any, open_page: Any, maria: str
) -> None:
    page = sign_in(open_page(), ANA)
    begin(page, maria, "transition-call")
    page.context.set_offline(True)
    page.locator("#q-feeling textarea").fill("Tired, but glad to be home.")
    page.locator("#q-signs").get_by_label("None of these").check()
    trouble = page.locator("#assess-trouble")
    trouble.get_by_text("safe on this page").wait_for()
    look(page, "assess-offline-wide")
    page.context.set_offline(False)
    page.get_by_text("2 of 12", exact=True).wait_for(timeout=15_000)
    trouble.wait_for(state="hidden")
    page.reload()
    assert page.locator("#q-feeling textarea").input_value() == "Tired, but glad to be home."
    page.locator("#q-medicines").get_by_role("button", name="Some are missing").click()
    page.locator("#q-obstacles .text").wait_for()


def test_a_session_that_ends_on_the_way_costs_no_answer(community: Any, open_page: Any, maria: str) -> None:
    page = sign_in(open_page(), ANA)
    begin(page, maria, "phq-2")
    page.context.clear_cookies()
    page.keyboard.press("2")
    page.locator("#assess-trouble", has_text="Your session ended").wait_for()
    again = sign_in(page.context.new_page(), ANA)
    again.close()
    saved(page, 1, 2)
    page.locator("#assess-trouble").wait_for(state="hidden")
    page.get_by_role("button", name="Finish").press("Enter")
    page.locator(".error-summary:focus").wait_for()
    look(page, "assess-missing-wide")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#q-mood[aria-current]").wait_for()
    page.keyboard.press("1")
    saved(page, 2, 2)


def test_without_scripts_every_answer_is_a_page(community: Any, open_page: Any, maria: str) -> None:
    page = sign_in(open_page(javascript=False), ANA)
    begin(page, maria, "phq-9")
    for n, item in enumerate(PHQ, 1):
        page.locator(f"#q-{item}").wait_for()
        assert page.locator(".question").locator("visible=true").count() == 1
        said = "Several days" if n < 9 else "Not at all"
        page.locator(f"#q-{item}").get_by_role("button", name=said).click()
    page.get_by_role("button", name=re.compile("Somewhat difficult")).click()
    page.get_by_role("heading", name="Nothing is missing").wait_for()
    picture(page, "assess-plain", is_whole=True)
    page.get_by_role("button", name="Finish").click()
    page.get_by_text("8", exact=True).first.wait_for()
    page.get_by_text("mild").first.wait_for()


def test_who_interprets_on_a_phone_and_in_spanish(community: Any, open_page: Any, maria: str) -> None:
    page = sign_in(open_page(390, 844), ANA)
    in_spanish(page)
    page.goto(f"/people/{maria}/assess/phq-2")
    who = page.get_by_label("Nombre o número del intérprete, si lo sabe")
    assert not who.is_visible()  # nobody interprets yet
    page.get_by_label("Ayuda un intérprete").check()
    who.wait_for()
    look(page, "interpreter-begin-phone-es", is_whole=True)
    page.goto(f"/people/{maria}/contact")
    page.get_by_label("Intérprete", exact=True).select_option(label="Por teléfono")
    look(page, "interpreter-call-phone-es", is_whole=True)
    page.goto(f"/people/{maria}/assess/intake")
    page.get_by_role("button", name="Empezar").click()
    page.wait_for_url("**/assessments/*/")
    page.goto(f"{page.url}?q=matters")
    look(page, "interpreter-words-phone-es")
