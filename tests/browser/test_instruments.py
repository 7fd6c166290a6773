"""The instruments as clinicians read them and as a coordinator asks them: the rule in words, the cut point of her sex,
and a long list of questions that can still be taken in at a glance."""

from __future__ import annotations

from typing import Any

import pytest

from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look
from tests.browser.test_assess import ANA, begin, in_spanish

pytestmark = pytest.mark.browser
WIDTHS: dict[str, dict[str, Any]] = {"wide": {}, "phone": {"width": 390, "height": 844}}


@pytest.mark.parametrize("how", WIDTHS)
def test_the_rule_of_an_instrument_can_be_read(community: Any, open_page: Any, how: str) -> None:
    page = sign_in(open_page(**WIDTHS[how]), ANA)
    for name in ("audit-c", "gds-15", "safety-plan"):
        page.goto(f"/library/instruments/{name}")
        assert page.get_by_text("golden cases come out as expected").count() == 1
        look(page, f"instrument-{name}-{how}", is_whole=True)
    if how == "phone":
        return
    in_spanish(page)
    page.goto("/library/instruments/audit-c")
    assert page.get_by_text("Para hombres, desde 4").count() == 1
    look(page, f"instrument-audit-c-{how}-es", is_whole=True)


@pytest.mark.parametrize("how", WIDTHS)
def test_drinking_is_asked_and_said_with_the_cut_point_of_her_sex(
    community: Any, open_page: Any, how: str
) -> None:
    maria = ident(community.seed, "Patient", "maria-duarte")
    page = sign_in(open_page(**WIDTHS[how]), ANA)
    page.goto(f"/people/{maria}/assessments")
    look(page, f"person-assessments-{how}", is_whole=True)
    begin(page, maria, "audit-c")
    for answered, key in enumerate("321", 1):
        page.keyboard.press(key)
        page.get_by_text(f"{answered} of 3", exact=True).wait_for()
    page.locator("#assess-saved", has_text="Saved").wait_for()
    look(page, f"audit-c-asked-{how}")
    page.get_by_role("button", name="Finish").first.click()
    page.wait_for_url("**/assessments/answered/**")
    assert page.locator(".result .big").inner_text() == "3 of 12, positive: drinking that may do harm"
    assert page.get_by_text("for women, from 3").count() == 1
    look(page, f"audit-c-done-{how}", is_whole=True)
    if how == "phone":
        return
    in_spanish(page)
    look(page, f"audit-c-done-{how}-es", is_whole=True)
