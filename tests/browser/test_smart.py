"""Apps of others in a real browser, with the client library that they use: opened from Maria's page and by themselves;
allowed, ended, suspended. And how the pages look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from careloop.accounts import smart_apps
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import SignedIn
from careloop.accounts.smart_models import App
from careloop.api.exchange import tokens
from careloop.server.demo.chart import ident
from careloop.server.room import Ledger
from tests.browser.conftest import sign_in
from tests.browser.looking import look
from tests.browser.smart_app.serving import serving

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
MARIA = ident(7, "Patient", "maria-duarte")
EHR = "launch openid fhirUser offline_access patient/Patient.rs patient/Observation.rs"
ALONE = "launch/patient openid fhirUser online_access patient/Patient.rs patient/Observation.rs"


@dataclass
class GrowthChart:
    """Registered and approved; url: of its own server."""

    app: App
    url: str
    live: Any

    def standalone(self, scope: str = ALONE) -> str:
        said = {"iss": f"{self.live.url}/fhir", "client_id": self.app.client_id, "scope": scope}
        return f"{self.url}/launch.html?{urlencode(said)}"


@pytest.fixture
def growth_chart(live: Any, community: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[GrowthChart]:
    # On a machine that is busy otherwise, each answer is slow and its asker held back; that has tests of its own.
    monkeypatch.setattr(Ledger, "_crowds_out", lambda *_: 0)
    tokens.forget()
    with serving() as url:
        told = smart_apps.Told(
            name="Growth Chart",
            publisher="Example Apps, Boston",
            about="Draws weight and height over time.",
            scopes=" ".join(dict.fromkeys(f"{EHR} {ALONE}".split())),
            redirects=[f"{url}/index.html"],
            launch_url=f"{url}/launch.html",
        )
        app, _ = smart_apps.register(told, 0, live.clock())
        smart_apps.decide(app, "approved", 0, live.clock())
        app.launch_url += f"?client_id={app.client_id}"
        app.save()
        yield GrowthChart(app, url, live)


def found(page: Any, state: str = "Ready") -> dict[str, Any]:
    import json

    expect(page.locator("#state")).to_have_text(state)
    said: dict[str, Any] = json.loads(page.locator("#found").inner_text())
    return said


def test_from_marias_page_it_opens_for_maria_and_ends_when_ana_ends_it(
    ana: Any, growth_chart: GrowthChart
) -> None:
    page = ana
    page.goto(f"/people/{MARIA}/story")
    page.locator(".bar details.more summary").click()
    page.get_by_role("link", name="Open an app").click()
    page.wait_for_url(f"**/people/{MARIA}/apps")
    look(page, "apps-of-person-wide")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open Growth Chart").click()
    app = opened.value
    app.wait_for_url("**/oauth/authorize?**")
    expect(app.get_by_role("group")).to_contain_text("With the record of Maria")
    look(app, "apps-consent-wide")
    app.get_by_role("button", name="Allow", exact=True).click()
    app.wait_for_url("**/index.html**")
    said = found(app)
    assert said["patient"] == "Duarte"
    assert said["user"].startswith("Practitioner/")
    assert set(said["ids"]) == {f"Patient/{MARIA}"}
    assert said["scope"].split() == EHR.split()
    app.locator("#refresh").click()
    assert found(app, "Refreshed")["patient"] == "Duarte"
    page.goto("/apps/mine")
    look(page, "apps-mine-wide")
    page.get_by_role("button", name="End Growth Chart").click()
    expect(page.get_by_text("No app acts for you")).to_be_visible()
    app.locator("#again").click()
    expect(app.locator("#state")).to_contain_text("Ended")
    assert "Duarte" not in app.locator("#found").inner_text()


def test_by_itself_it_asks_for_whom_and_gets_only_what_stayed_ticked(
    ana: Any, growth_chart: GrowthChart
) -> None:
    page = ana
    page.goto(growth_chart.standalone())
    page.wait_for_url("**/oauth/authorize?**")
    page.fill("#q", "duart")
    page.press("#q", "Enter")
    look(page, "apps-which-person-wide")
    page.get_by_role("button", name="Choose Maria").first.click()
    page.get_by_label("Read: test results and measurements").uncheck()
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url("**/index.html**")
    said = found(page)
    assert said["patient"] == "Duarte"
    assert said["ids"] == []
    assert said["refused"] == 403
    assert "patient/Observation.rs" not in said["scope"]


def test_who_is_not_signed_in_signs_in_first_and_no_is_an_answer(
    page: Any, growth_chart: GrowthChart
) -> None:
    page.goto(growth_chart.standalone("openid fhirUser patient/Patient.rs launch/patient"))
    page.wait_for_url("**/sign-in?**")
    page.fill("#email", ANA)
    page.fill("#password", "a quiet Monday morning")
    page.press("#password", "Enter")
    page.wait_for_url("**/oauth/authorize?**")
    page.get_by_role("button", name="Go back to Growth Chart").click()
    page.wait_for_url("**/index.html**")
    expect(page.locator("#state")).to_contain_text("Failed")


def test_a_suspended_app_reads_nothing_from_the_next_call_on(ana: Any, growth_chart: GrowthChart) -> None:
    page = ana
    page.goto(growth_chart.standalone())
    page.fill("#q", "duart")
    page.press("#q", "Enter")
    page.get_by_role("button", name="Choose Maria").first.click()
    page.get_by_role("button", name="Allow", exact=True).click()
    assert found(page)["patient"] == "Duarte"
    smart_apps.decide(growth_chart.app, "suspended", 0, growth_chart.live.clock(), "Not used")
    page.locator("#again").click()
    expect(page.locator("#state")).to_contain_text("Ended")


def test_how_the_pages_look(community: Any, growth_chart: GrowthChart, open_page: Any) -> None:
    for how, kind in (
        ("dark", {"dark": True}),
        ("phone", {"width": 390, "height": 844}),
        ("narrow-es", {"width": 320, "height": 700, "language": "es-US"}),
    ):
        User.objects.filter(email=ANA).update(
            language=str(kind.get("language", "en"))[:2], roles=["coordinator"]
        )
        SignedIn.objects.all().delete()  # else she is told of a new device first
        page = sign_in(open_page(**kind), ANA)
        User.objects.filter(email=ANA).update(roles=["coordinator", "administrator"])
        for path in ("/apps", "/apps/new", f"/apps/{growth_chart.app.pk}"):
            page.goto(path)
            look(page, f"apps{path.removeprefix('/apps').replace('/', '-')}-{how}"[:40])
        page.goto(growth_chart.standalone())
        page.fill("#q", "duart")
        page.press("#q", "Enter")
        page.locator("button[name=patient]").first.click()
        look(page, f"apps-consent-{how}")
