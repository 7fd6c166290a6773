"""A form of somebody else in a real browser: every kind of question, by keyboard, on a phone, without scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look, picture
from tests.fhir.forms import R4, SDC, calculated, form, group, item, path, when

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAwS2OUAAAAABJRU5ErkJggg=="


def control(code: str) -> dict[str, Any]:
    return {"url": f"{R4}questionnaire-itemControl", "valueCodeableConcept": {"coding": [{"code": code}]}}


def units(*codes: str) -> list[dict[str, Any]]:
    system = "http://unitsofmeasure.org"
    return [
        {"url": f"{R4}questionnaire-unitOption", "valueCoding": {"system": system, "code": c, "display": c}}
        for c in codes
    ]


def asked(link_id: str, type: str, text: str, **more: Any) -> dict[str, Any]:
    return item(link_id, type, **{"text": text, **more})


def coded(*codes: str) -> list[dict[str, Any]]:
    system = "http://x"
    return [
        {"valueCoding": {"system": system, "code": c, "display": c.replace("-", " ").capitalize()}}
        for c in codes
    ]


CM = {"system": "http://unitsofmeasure.org", "code": "cm", "display": "cm"}
STAIRS = {"contentType": "image/png", "data": PIXEL, "title": "Stairs with a rail"}
PICTURE = {"url": f"{SDC}itemMedia", "valueAttachment": STAIRS}
INITIAL = f"{SDC}initialExpression"
CLINICS = [{"valueString": f"Clinic {n}"} for n in range(1, 16)]
COUNT = "%resource.item.where(linkId='falls').count()"


def limits(low: int, high: int) -> list[dict[str, Any]]:
    return [{"url": f"{R4}minValue", "valueInteger": low}, {"url": f"{R4}maxValue", "valueInteger": high}]


def kinds() -> dict[str, Any]:
    """Falls at home, as another clinic asks about them."""
    options, aids = coded("yes", "no", "not-sure"), coded("cane", "walker", "wheelchair", "rails", "none")
    return form(
        asked("intro", "display", "Read aloud: I would like to ask about falls in the last year."),
        asked("fell", "choice", "Did you fall in the last twelve months?", answerOption=options, prefix="1."),
        group(
            "falls",
            asked("where", "string", "Where did it happen?", maxLength=80),
            asked("when", "date", "On which day, about?"),
            asked("hurt", "boolean", "Were you hurt?"),
            asked("how", "text", "How were you hurt?", **when("hurt", "=", answerBoolean=True)),
            text="A fall",
            repeats=True,
            **when("fell", "=", answerCoding={"system": "http://x", "code": "yes"}),
        ),
        asked("count", "integer", "Falls told", readOnly=True, extension=[calculated(COUNT)]),
        group(
            "body",
            asked("weight", "quantity", "Weight today", extension=units("kg", "[lb_av]")),
            asked("height", "decimal", "Height", extension=[{"url": f"{R4}questionnaire-unit", "valueCoding": CM}]),
            asked("fear", "integer", "How afraid are you of falling?", extension=[control("slider"), *limits(0, 10)]),
            text="How you are",
        ),
        asked("aids", "choice", "What helps you walk?", answerOption=aids, repeats=True),
        asked("floor", "open-choice", "What is the floor like?", answerOption=options[:2]),
        asked("clinic", "choice", "Which clinic do you go to?", answerOption=CLINICS),
        asked("medicines", "string", "Which medicines make you dizzy?", repeats=True),
        asked("born", "date", "When were you born?", extension=[path(INITIAL, "%patient.birthDate")]),
        asked("at", "dateTime", "When can we call?"),
        asked("photo", "attachment", "A photo of the stairs, if any", extension=[PICTURE]),
        title="Falls at home (Riverside Clinic)",
        description="What Riverside Clinic asks before a home visit.",
        publisher="Riverside Clinic",
        copyright="Riverside Clinic, for use by its partners.",
    )  # fmt: skip


@pytest.fixture
def maria(community: Any) -> str:
    return ident(community.seed, "Patient", "maria-duarte")


def brought(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "falls.json"
    file.write_text(json.dumps(kinds()))
    page.goto("/library/elsewhere")
    page.set_input_files("#form-file", str(file))
    page.get_by_role("button", name="Read it and keep it").press("Enter")
    page.get_by_text("It can be asked of a person now").wait_for()


def begin(page: Any, person: str) -> None:
    page.goto(f"/people/{person}/assessments#ask")
    page.get_by_role("link", name="Begin Falls at home (Riverside Clinic)").press("Enter")
    page.get_by_role("button", name="Begin").press("Enter")
    page.wait_for_url("**/assessments/*/")


def saved(page: Any) -> None:
    page.locator("#assess-saved", has_text="Saved").wait_for()


def test_a_form_of_another_is_brought_asked_by_keyboard_and_finished(
    community: Any, open_page: Any, maria: str, tmp_path: Path
) -> None:
    page = sign_in(open_page(), ANA)
    page.goto("/library/elsewhere")
    look(page, "elsewhere-none-wide")
    brought(page, tmp_path)
    look(page, "elsewhere-one-wide", is_whole=True)
    page.goto("/library/elsewhere")
    look(page, "elsewhere-list-wide")
    begin(page, maria)
    look(page, "elsewhere-ask-wide", is_whole=True)
    page.keyboard.press("1")  # she fell
    page.locator("[data-question='falls[1]/where']:not([hidden])").wait_for()
    page.locator("[data-question='falls[1]/where'] input[name=value]").fill("on the stairs")
    page.keyboard.press("Enter")
    saved(page)
    page.locator("[data-question='falls[1]/hurt']").focus()
    page.keyboard.press("2")
    saved(page)
    page.keyboard.press("k")
    page.keyboard.press("a")  # one more
    page.wait_for_url("**q=falls%5B2%5D**")
    page.locator(
        "[data-computed=count] b", has_text="1"
    ).first.wait_for()  # one without answers is no answer yet
    look(page, "elsewhere-two-falls-wide", is_whole=True)
    page.locator("[data-question='falls[2]/where']").focus()
    page.keyboard.press("r")  # and away again
    page.locator("[data-question='falls[2]/where']").wait_for(state="detached")
    page.locator("[data-question=weight] input[name=value]").fill("180")
    page.locator("[data-question=weight] select").select_option("[lb_av]")
    page.locator("[data-question=weight] .reason").first.wait_for()
    page.locator("[data-question=clinic] select").select_option("Clinic 4")
    page.locator("[data-question=medicines] input[name=value]").first.fill("lisinopril")
    page.keyboard.press("Tab")
    page.locator("[data-question=medicines] input[name=value]").nth(1).wait_for()
    page.locator("[data-question=fear] input[name=value]").fill("7")
    page.locator("[data-question=fear] input[name=value]").dispatch_event("change")
    saved(page)
    page.wait_for_timeout(600)
    page.reload()
    assert page.locator("[data-question=weight] input[name=value]").input_value() == "180"
    assert page.locator("[data-question=weight] select").input_value() == "[lb_av]"
    assert page.locator("[data-question=medicines] input[name=value]").first.input_value() == "lisinopril"
    look(page, "elsewhere-answered-wide", is_whole=True)
    page.get_by_role("button", name="Finish").press("Enter")
    page.wait_for_url("**/assessments/answered/**")
    page.get_by_text("180 [lb_av]").wait_for()
    look(page, "elsewhere-done-wide", is_whole=True)
    page.emulate_media(media="print")
    picture(page, "elsewhere-done-paper", is_whole=True)


def test_on_a_phone_without_scripts_and_in_spanish(
    community: Any, open_page: Any, maria: str, tmp_path: Path
) -> None:
    page = sign_in(open_page(390, 844), ANA)
    brought(page, tmp_path)
    look(page, "elsewhere-one-phone")
    begin(page, maria)
    address = page.url
    look(page, "elsewhere-ask-phone")
    plain = sign_in(open_page(390, 844, javascript=False), ANA)
    plain.goto(address)
    plain.locator("[data-question=fell] .answer").first.click()
    plain.locator("[data-question='falls[1]/where'] input[name=value]").fill("in the kitchen")
    plain.locator("[data-question='falls[1]/where']").get_by_role("button", name="Keep and go on").click()
    plain.locator("[data-question='falls[1]/when'][aria-current]").wait_for()
    plain.locator("[data-question='falls[1]/when']").get_by_role("button", name="One more").click()
    plain.locator("[data-question='falls[2]/where'][aria-current]").wait_for()
    picture(plain, "elsewhere-plain-phone")
    plain.goto(f"{address}?q=weight#now")
    plain.locator("[data-question=weight] input[name=value]").fill("heavy")
    plain.locator("[data-question=weight]").get_by_role("button", name="Keep and go on").click()
    plain.get_by_text("Write a number with its unit, like 82 kg.").wait_for()
    picture(plain, "elsewhere-refused-phone")
    page.set_viewport_size({"width": 1360, "height": 900})
    page.goto("/library/elsewhere")
    page.locator(".account > summary").click()
    page.locator("button[name=language][value=es]").click()
    page.locator("html[lang=es]").wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    look(page, "elsewhere-list-es-phone")
    page.goto(address)
    look(page, "elsewhere-ask-es-phone")
