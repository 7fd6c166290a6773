"""The registry, many at once and a case review: how they look, and ticking people with keys and shift."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from careloop.accounts.models import User
from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
MARIA = ident(7, "Patient", "maria-duarte")
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844},
    "narrow-es": {"width": 320, "height": 700, "language": "es-US"},
}
LISTS = {
    "all": "/registry?whose=all",
    "depression": "/registry?whose=all&measure=phq-9&sort=value",
    "narrowed": "/registry?whose=all&condition=hypertension&heard=14",
    "nobody": "/registry?whose=all&condition=pregnancy",
}


@pytest.mark.parametrize("how", LOOKS)
def test_how_it_looks(community: Any, open_page: Any, how: str) -> None:
    kind = LOOKS[how]
    User.objects.filter(email=ANA).update(language=kind.get("language", "en")[:2])
    page = sign_in(open_page(**kind), ANA)
    for name, address in LISTS.items():
        page.goto(address)
        look(page, f"registry-{name}-{how}")
    page.goto("/registry?whose=all")
    page.locator("tbody input[name=person]").first.check()
    page.locator("button[name=act][value=review]").click()
    page.wait_for_url(re.compile(r"/registry/many/\d+"))
    page.locator("#because").fill("stuck for eight weeks")
    page.locator("form.form .buttons button").first.click()
    page.locator("#look").wait_for()
    look(page, f"many-{how}")
    page.locator("#look button.main").click()
    page.locator(".outcomes li").first.wait_for()
    look(page, f"many-done-{how}")
    page.goto("/reviews")
    look(page, f"reviews-{how}")
    page.locator(".agenda a.who").first.click()
    look(page, f"agenda-{how}")
    page.locator(".agenda a.who").first.click()
    look(page, f"case-{how}")
    for section in ("targets", "care-load", "to-do", "consult", "work"):
        page.goto(f"/people/{MARIA}/{section}")
        look(page, f"registry-person-{section}-{how}")


def test_people_are_ticked_with_keys_and_shift(community: Any, open_page: Any) -> None:
    page = sign_in(open_page(), ANA)
    page.goto("/registry?whose=all")
    boxes = page.locator("tbody input[name=person]")
    assert boxes.count() > 5
    said = page.locator("[data-picked]")
    expect(said).to_have_text("Nobody is ticked")
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    expect(said).to_have_text("3 people are ticked")
    boxes.nth(4).click(modifiers=["Shift"])
    expect(said).to_have_text("5 people are ticked")
    page.locator("[data-all]").check()
    expect(said).to_have_text(f"{boxes.count()} people are ticked")
    page.locator("[data-everyone]").check()
    expect(said).to_have_text(re.compile(r"all \d+ of the list"))
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("t")
    page.wait_for_url(re.compile(r"/registry/many/\d+\?act=todo"))
    expect(page.locator("#title")).to_be_visible()


def test_everything_works_without_scripts(community: Any, open_page: Any) -> None:
    page = sign_in(open_page(javascript=False), ANA)
    page.goto("/registry?whose=all")
    page.locator("tbody input[name=person]").first.check()
    page.locator("button[name=act][value=todo]").click()
    page.locator("#title").fill("Send the form")
    page.locator("form.form .buttons button").first.click()
    page.locator("#look button.main").click()
    expect(page.locator("main")).to_contain_text("1 done")
