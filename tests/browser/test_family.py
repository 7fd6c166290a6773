"""The family's pages as Maria, her daughter and a tired eye see them: phone first, dark, Spanish, keyboard, leaving."""

from __future__ import annotations

from typing import Any

import pytest

from careloop.server.demo.family import Way, make_family
from tests.browser import looking
from tests.browser.conftest import Live, Open, sign_in

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def ways(community: Any, live: Live) -> dict[str, Way]:
    return {way.name: way for way in make_family(community, live.clock())}


def come_in(page: Any, way: Way) -> Any:
    page.goto("/my/sign-in/letter")
    page.fill("#code", way.code)
    page.select_option("#month", str(way.born.month))
    page.fill("#day", str(way.born.day))
    page.fill("#year", str(way.born.year))
    page.press("#year", "Enter")
    page.wait_for_selector(".family-doors")
    return page


def look(page: Any, name: str) -> None:
    looking.look(page, f"family-{name}", is_whole=True)


def test_maria_on_her_phone(open_page: Open, ways: dict[str, Way]) -> None:
    page = open_page(**PHONE)
    page.goto("/my/sign-in")
    look(page, "sign-in")
    come_in(page, ways["Maria"])
    page.get_by_role("button", name="English").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Hello, Maria."
    look(page, "home")
    for name in (
        "plan",
        "medicines",
        "visits",
        "results",
        "readings",
        "readings/weight",
        "readings/blood-pressure",
        "helpers",
        "helpers/add",
        "looked",
        "choices",
        "apps",
        "wrong",
    ):
        base = page.url.split("/my/")[1].split("/")[0]
        page.goto(f"/my/{base}/{name}")
        assert "Duarte" in page.locator(".family-whose").inner_text()
        look(page, name.replace("/", "-"))
    page.goto("/my/account/sign-in")
    look(page, "account")


def test_her_daughter_in_spanish_in_the_dark(open_page: Open, ways: dict[str, Way]) -> None:
    page = come_in(open_page(**PHONE, dark=True, language="es-US"), ways["Lucía"])
    assert page.get_by_role("heading", level=1).inner_text() == "Hola."
    look(page, "home-es-dark")
    page.get_by_role("link", name="Plan").first.click()
    look(page, "plan-es-dark")
    assert page.title() == "Mi plan"


def test_at_a_desk_and_at_320_px(open_page: Open, ways: dict[str, Way]) -> None:
    page = come_in(open_page(), ways["Maria"])
    look(page, "home-desk")
    page.set_viewport_size({"width": 320, "height": 640})
    look(page, "home-320")


def test_leaving_quickly_shows_nothing_and_back_leads_nowhere(open_page: Open, ways: dict[str, Way]) -> None:
    page = come_in(open_page(**PHONE), ways["Maria"])
    home = page.url
    page.locator(".family-leave").click()
    page.wait_for_url("**/away")
    assert "Duarte" not in page.content()
    page.go_back()
    page.wait_for_load_state()
    assert "Hola, Maria" not in page.content()
    page.goto(home)
    assert "/my/sign-in" in page.url


def test_by_keyboard_alone_she_asks_and_shares(open_page: Open, ways: dict[str, Way]) -> None:
    page = come_in(open_page(language="en-US"), ways["Maria"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator(".wrong").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("textarea")
    page.locator("textarea").focus()
    page.keyboard.type("My scale is broken.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".family-asked")
    assert "My scale is broken." in page.locator(".family-asked").inner_text()
    look(page, "asked")


def test_a_passkey_instead_of_a_code(open_page: Open, ways: dict[str, Way], live: Live) -> None:
    page = open_page(**PHONE)
    page.goto(live.url.replace("127.0.0.1", "localhost") + "/my/sign-in/letter")
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    way, here = ways["Maria"], live.url.replace("127.0.0.1", "localhost")
    page.fill("#code", way.code)
    page.select_option("#month", str(way.born.month))
    page.fill("#day", str(way.born.day))
    page.fill("#year", str(way.born.year))
    page.press("#year", "Enter")
    page.wait_for_selector(".family-doors")
    page.goto(f"{here}/my/account/sign-in")
    page.locator("form[data-passkey=make] button").click()
    page.wait_for_selector(".notice.done")
    page.goto(f"{here}/my/account/sign-in")
    with page.expect_navigation():
        page.locator("form[action='/my/sign-out'] button, .family-leave").first.click()
    page.goto(f"{here}/my/sign-in")
    page.locator("form[data-passkey=show] button").click()
    page.wait_for_selector(".family-doors")


def test_the_staff_s_side(open_page: Open, ways: dict[str, Way]) -> None:
    page = sign_in(open_page(), "ana.reyes@careloop.example")
    page.goto("/people")
    page.get_by_role("link", name="Maria Duarte").first.click()
    page.wait_for_selector(".card")
    person = page.url.split("/people/")[1].split("/")[0]
    page.goto(f"/people/{person}/portal")
    look(page, "staff-portal")
    prove, wide = page.get_by_role("link", name="Show that it is you"), page.viewport_size
    for size in (PHONE, wide):
        page.set_viewport_size(size)
        look(page, f"staff-portal-prove-{size['width']}")
        words, button = page.locator(".prove p").bounding_box(), prove.bounding_box()
        is_below = button["y"] >= words["y"] + words["height"] + 8
        assert is_below or button["x"] >= words["x"] + words["width"] + 8, "room around the button"
        below = page.locator(".known").first.bounding_box()
        assert below["y"] >= button["y"] + button["height"] + 8
    prove.click()
    page.fill("input[type=password]", "a quiet Monday morning")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/people/{person}/portal")
    page.locator("summary", has_text="Letter with a code").first.click()
    look(page, "staff-portal-open")
    page.goto(f"/people/{person}/portal/add")
    look(page, "staff-share")
    page.set_viewport_size(PHONE)
    page.goto(f"/people/{person}/portal")
    look(page, "staff-portal-phone")
