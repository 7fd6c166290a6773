"""The door in a real browser: a passkey from a virtual authenticator, an app's digits, and how all of it looks."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings

from careloop.accounts import totp
from careloop.accounts.sign_in_models import Passkey, SignedIn
from tests.browser.conftest import Live, sign_in
from tests.browser.looking import look
from tests.browser.test_look import ANA, LOOKS

pytestmark = pytest.mark.browser
ADA = "ada.min@careloop.example"
WAYS: dict[str, dict[str, Any]] = {
    "wide": {},
    "phone-dark": {"width": 390, "height": 844, "dark": True},
    "narrow-es": LOOKS["narrow-es"],
}
INSIDE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def at_localhost(page: Any, live: Live) -> str:
    """Browsers make passkeys for names, never for a bare number. Gives the page's device a place for them."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": INSIDE})
    return live.url.replace("127.0.0.1", "localhost")


def enter(page: Any, address: str, email: str = ANA) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("#email", email)
    page.fill("#password", "a quiet Monday morning")
    page.press("#password", "Enter")


def test_a_passkey_is_made_and_is_enough_and_is_the_second_step(
    live: Live, community: Any, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DEMO", False)
    page = open_page()
    address = at_localhost(page, live)
    enter(page, address)
    page.click("a[href='/sign-in/start/passkey']")
    page.fill("#passkey-name", "Work laptop")
    page.click("form[data-passkey] button")
    page.wait_for_selector("#codes")
    assert page.locator("#codes li").count() == 10
    page.click("a.main")
    page.wait_for_url("**/today")
    page.goto(f"{address}/account")
    assert "Work laptop" in page.inner_text("main")
    page.click("details.account summary")
    page.click("form[action='/sign-out'] button")
    page.wait_for_selector("#password")
    page.click("form[data-passkey] button")  # no password, no name typed
    page.wait_for_url("**/today")
    assert SignedIn.objects.order_by("-began", "-seen").filter(methods="passkey").count() == 1
    assert Passkey.objects.get().used_at is not None
    page.context.clear_cookies()
    enter(page, address)
    page.wait_for_url("**/sign-in/second")
    page.click("form[data-passkey] button")
    page.wait_for_url("**/today")
    assert SignedIn.objects.filter(methods="password passkey").count() == 2


def test_a_passkey_that_the_device_does_not_unlock_lets_nobody_in(
    live: Live, community: Any, open_page: Any
) -> None:
    page = open_page()
    address = at_localhost(page, live)
    page.goto(f"{address}/sign-in")
    page.click("form[data-passkey] button")
    page.wait_for_selector("[data-said]:not(:empty)")
    assert "Nothing happened" in page.inner_text("[data-said]")
    assert page.is_enabled("form[data-passkey] button")
    assert not SignedIn.objects.exists()


def test_without_scripts_a_password_and_digits_are_enough(
    live: Live, community: Any, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DEMO", False)
    page = open_page(javascript=False)
    enter(page, live.url)
    assert page.locator("form[data-passkey]").count() == 0
    page.click("a[href='/sign-in/start/app']")
    page.click("summary")
    secret = page.inner_text(".secret").replace(" ", "")
    page.fill("#code", totp.code_at(secret, totp.step_of(live.clock())))
    page.press("#code", "Enter")
    page.click("a.main")
    page.wait_for_url("**/today")


@pytest.mark.parametrize("how", WAYS)
def test_how_the_door_and_the_accounts_look(
    live: Live, community: Any, open_page: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    page = open_page(**WAYS[how])
    address = at_localhost(page, live)
    monkeypatch.setattr(settings, "DEMO", False)
    page.goto(f"{address}/sign-in")
    look(page, f"door-{how}")
    enter(page, address, ADA)
    look(page, f"door-start-{how}")
    page.goto(f"{address}/sign-in/start/passkey")
    look(page, f"door-passkey-{how}")
    page.goto(f"{address}/sign-in/start/app")
    look(page, f"door-app-{how}")
    page.fill("#code", "12")
    page.press("#code", "Enter")
    look(page, f"door-app-wrong-{how}")
    page.click("summary")
    secret = page.inner_text(".secret").replace(" ", "")
    page.fill("#code", totp.code_at(secret, totp.step_of(live.clock())))
    page.press("#code", "Enter")
    look(page, f"door-codes-{how}")
    page.click("a.main")
    page.wait_for_url("**/accounts")
    look(page, f"accounts-{how}")
    page.goto(f"{address}/account")
    look(page, f"account-{how}")
    page.goto(f"{address}/accounts/invite")
    look(page, f"accounts-invite-{how}")
    page.fill("#name", "Cora Cole")
    page.fill("#email", "cora@example.org")
    page.check("input[value=coordinator]")
    page.locator("input[name=sites]").first.check()
    page.click("#content button.main")
    page.wait_for_selector(".spoken")
    look(page, f"accounts-letter-{how}")
    link = page.inner_text("#address")
    page.goto(f"{address}/accounts")
    page.click("table a[href^='/accounts/']")
    look(page, f"accounts-one-{how}")
    live.clock.move(minutes=11)
    page.goto(f"{address}/account/password")
    look(page, f"account-prove-{how}")
    page.goto(re.sub(r"\s", "", link))
    look(page, f"link-{how}")


def test_the_made_up_people_of_the_demo_are_in_at_once(live: Live, community: Any, page: Any) -> None:
    sign_in(page, ANA)
    page.goto("/account")
    assert "made-up people of the demonstration" in page.inner_text("main")


def test_the_set_up_page_of_an_empty_installation(live: Live, open_page: Any) -> None:
    from careloop.actions import set_up

    code = set_up.announce(live.clock())
    assert code is not None
    page = open_page(width=390, height=844)
    page.goto("/set-up")
    look(page, "set-up")
    page.fill("#code", "wrong")
    typed = {
        "site": "Bayview",
        "name": "Bo Li",
        "email": "bo@example.org",
        "password": "seven quiet pelicans",
    }
    typed |= {"supervisor": "Sam Lee", "supervisor_email": "sam@example.org"}
    for field, value in typed.items():
        page.fill(f"#{field}", value)
    page.press("#supervisor_email", "Enter")
    page.wait_for_selector(".error-summary")
    assert page.input_value("#site") == "Bayview"
    page.fill("#code", code.token)
    page.fill("#password", typed["password"])
    page.press("#supervisor_email", "Enter")
    page.wait_for_selector(".spoken")
    look(page, "set-up-done")
    page.click("a.main")
    assert page.url.endswith("/sign-in/start")
