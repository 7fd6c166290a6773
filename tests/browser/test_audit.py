"""The audit viewer, an alert and the composer, as they look; axe finds nothing."""

from __future__ import annotations

from typing import Any

import pytest

from careloop import store
from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.projections.alerts import raise_alert
from tests.browser.conftest import Live, sign_in
from tests.browser.looking import look
from tests.browser.test_look import ANA

pytestmark = pytest.mark.browser
PRIVACY = "privacy@careloop.example"


@pytest.fixture
def flagged(live: Live, community: Any) -> None:
    """Ana’s look at somebody, flagged; and a privacy officer of all sites."""
    now = live.clock()
    sites = sorted({site for user in User.objects.all() for site in user.sites})
    User.objects.create_user(
        PRIVACY,
        "a quiet Monday morning",
        "Pia Moss",
        roles=["privacy-officer"],
        sites=sites,
        zone="America/Chicago",
    )
    ana = User.objects.get(email=ANA)
    with store.open(Scope(system_actor("reactions"), "work", "operations"), now=now) as unit:
        person = unit.search("Patient", {"_count": "1"}).entries[0].rid
        raise_alert(unit, "odd-access", person, ana.principal_id, [("same-surname", {}), ("neighbor", {})])


@pytest.mark.parametrize("how", ["wide", "dark", "phone-es"])
def test_the_viewer_and_an_alert(live: Live, flagged: None, open_page: Any, how: str) -> None:
    ana = sign_in(open_page(), ANA)
    ana.goto("/people")
    ana.locator("a.name").first.click()
    ana.wait_for_url("**/story*")
    page = open_page(width=390, height=844) if how == "phone-es" else open_page(dark=how == "dark")
    if how == "phone-es":
        page.context.add_cookies([{"name": "django_language", "value": "es", "url": live.url}])
    _enter(page)
    page.goto("/audit")
    assert page.locator(".audit-table tbody tr").count() > 2
    look(page, f"audit-{how}")
    page.locator(".audit-table td.at a").first.click()
    page.wait_for_url("**/audit/rows/*")
    look(page, f"audit-row-{how}")
    page.goto("/audit/alerts")
    look(page, f"audit-alerts-{how}")
    page.locator("a.act").first.click()
    page.wait_for_url("**/audit/alerts/*")
    page.locator("input[name=state][value=fine]").check()
    page.locator("button.main").click()
    look(page, f"audit-alert-{how}")
    page.fill("#why", "She is her cousin, and on duty that day.")
    page.locator("form.form button.main").click()
    page.wait_for_url("**/audit/alerts")
    assert page.locator("a.act").count() == 0


def _enter(page: Any) -> None:
    page.goto("/sign-in")
    page.fill("#email", PRIVACY)
    page.fill("#password", "a quiet Monday morning")
    page.press("#password", "Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)


@pytest.mark.parametrize("how", ["wide", "phone-es"])
def test_from_the_composer_to_the_accounting(live: Live, community: Any, open_page: Any, how: str) -> None:
    page = open_page(width=390, height=844) if how == "phone-es" else open_page()
    if how == "phone-es":
        page.context.add_cookies([{"name": "django_language", "value": "es", "url": live.url}])
    sign_in(page, ANA)
    page.goto("/people")
    address = str(page.locator("a.name").first.get_attribute("href")).rpartition("/")[0]
    page.goto(f"{address}/disclose")
    page.locator("form.form button.main").click()
    assert page.locator(".error").count() >= 3
    look(page, f"disclose-{how}")
    page.fill("#to", "Dr. Patel, cardiology")
    page.check("input[name=basis][value=treatment]")
    page.fill("#purpose", "Her heart doctor since May")
    page.check("input[name=method][value=hand]")
    page.locator("form.form button.main").click()
    page.wait_for_selector(".goes")
    look(page, f"disclose-lines-{how}")
    page.locator(".goes input").nth(1).uncheck()
    page.locator("form.form button.main").click()
    page.wait_for_url("**/disclosures/*")
    look(page, f"disclosure-{how}")
    page.goto(f"{address}/disclosures")
    assert page.locator(".rows .row").count() == 1
    look(page, f"accounting-{how}")
