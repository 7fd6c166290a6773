"""The readings section, its sheets and the family's form: how they look, and a reading by keys only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look
from tests.projections.test_readings import pressure, weight

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
MARIA = ident(7, "Patient", "maria-duarte")
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {"width": 1360, "height": 900},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844},
    "narrow-es": {"width": 320, "height": 700, "language": "es-US"},
}


def measured(now: Any) -> None:
    """Two weeks of a scale and a cuff, and one value that nobody believes."""
    scope = Scope(system_actor("demo"), "command", "maintenance")
    scale, hers = {"device": {"display": "Bathroom scale"}}, {"subject": {"reference": f"Patient/{MARIA}"}}
    with store.open(scope, now=now, projectors=projections.ALL) as unit:
        for n in range(1, 15):
            at = now - timedelta(days=n, hours=2)
            unit.update(weight(f"shot-w{n}", at, str(70 + n / 10), **scale, **hers), create=True)
            unit.update(pressure(f"shot-p{n}", at, 128 + 3 * (n % 5), 78 + n % 7, **hers), create=True)
        unit.update(weight("shot-odd", now - timedelta(hours=1), "171", **scale, **hers), create=True)


@pytest.mark.parametrize("how", LOOKS)
def test_how_it_looks(community: Any, clock: Any, open_page: Any, how: str) -> None:
    kind = LOOKS[how]
    measured(clock())
    User.objects.filter(email=ANA).update(language=kind.get("language", "en")[:2])
    page = sign_in(open_page(**kind), ANA)
    page.goto(f"/people/{MARIA}/readings")
    look(page, f"readings-{how}", is_whole=True)
    for sheet in ("new", "limits/blood-pressure", "devices/new", "file", "shot-odd/correct?kind=weight"):
        page.goto(f"/people/{MARIA}/readings/{sheet}")
        look(page, f"readings-{sheet.split('?')[0].replace('/', '-')}-{how}")


def test_a_reading_by_keys_only(community: Any, clock: Any, ana: Any) -> None:
    measured(clock())
    page = ana
    page.goto(f"/people/{MARIA}/readings")
    page.keyboard.press("r")
    page.locator("dialog[open] #line").wait_for()
    page.keyboard.type("131/79")
    page.keyboard.press("Enter")
    page.locator("#toasts .toast").first.wait_for()
    page.goto(f"/people/{MARIA}/readings")
    assert "131/79 mmHg" in page.locator("#blood-pressure figcaption").inner_text()
