"""Questions from elsewhere on the pages: brought as a file, asked like ours, one more and one less, kept as said."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from careloop import store
from tests.api.test_questions import WEIGHT
from tests.fhir.forms import R4, SDC, calculated, choice, form, group, item, path, when
from tests.web.desk import HTMX, Desk, at_the_desk

BEGIN = {"language": "en", "told_by": "Patient/maria"}
KG = {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kg"}
THEIRS = form(
    {"linkId": "hello", "type": "display", "text": "Read this first."},
    choice("smokes", "yes", "no"),
    item("packs", "integer", **when("smokes", "=", answerCoding={"system": "http://x", "code": "yes"})),
    group("falls", item("where"), item("hurt", "boolean"), repeats=True),
    item("how-many", "integer", readOnly=True, extension=[calculated("%resource.item.where(linkId='falls').count()")]),
    item(
        "weight",
        "quantity",
        code=[WEIGHT],
        extension=[
            {"url": f"{SDC}observationExtract", "valueBoolean": True},
            {"url": f"{R4}questionnaire-unitOption", "valueCoding": KG},
        ],
    ),
    item("born", "date", extension=[path(f"{SDC}initialExpression", "%patient.birthDate")]),
    item("medicines", repeats=True),
    item("photo", "attachment"),
    description="Written by somebody else.",
)  # fmt: skip


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def bring(desk: Desk, questionnaire: dict[str, Any] | bytes) -> Any:
    body = (
        questionnaire if isinstance(questionnaire, bytes) else json.dumps(questionnaire, default=str).encode()
    )
    return desk.client.post("/library/elsewhere", {"file": io.BytesIO(body)})


def begun(desk: Desk, questionnaire: dict[str, Any] = THEIRS) -> str:
    """The address of a draft about Maria."""
    kept = bring(desk, questionnaire)
    assert kept.status_code == 302, kept.content.decode()[:2000]
    name = "Questionnaire-" + kept["Location"].rpartition("/")[2]
    answer = desk.client.post(f"/people/maria/assess/{name}", BEGIN)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return str(answer["Location"])


def say(desk: Desk, draft: str, key: str, *values: str, **more: Any) -> None:
    answer = desk.client.post(f"{draft}answer", {"item": key, "value": list(values), **more})
    assert answer.status_code == 302, re.sub(r"\s+", " ", answer.content.decode())[:1500]


def finished(desk: Desk, draft: str) -> str:
    answer = desk.client.post(f"{draft}complete")
    assert answer.status_code == 302, re.sub(r"\s+", " ", answer.content.decode())[-3000:]
    return str(answer["Location"])


# --- in the library


def test_a_form_is_brought_listed_and_read(desk: Desk) -> None:
    assert "None yet" in desk.page("/library/elsewhere")
    there = bring(desk, THEIRS)["Location"]
    page = desk.page(there)
    assert "Nobody at Careloop reviewed this form." in page
    assert "What of smokes?" in page
    assert "9 questions" not in desk.page("/library/elsewhere")
    assert "8 questions" in desk.page("/library/elsewhere")
    assert "From elsewhere" in desk.page("/library")
    assert "Theirs" in desk.page("/people/maria/assessments")


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"{", "not a Questionnaire in FHIR JSON"),
        (b'{"resourceType": "Patient"}', "not a Questionnaire in FHIR JSON"),
        (json.dumps(form(item("a", "slider"))).encode(), "no right Questionnaire"),
        (json.dumps(form(item("a", **when("b", "=", answerString="x")))).encode(), "“a” hangs on “b”"),
    ],
)
def test_what_can_not_be_asked_is_refused_and_nothing_is_kept(desk: Desk, file: bytes, sentence: str) -> None:
    answer = bring(desk, file)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert "None yet" in desk.page("/library/elsewhere")


def test_the_same_address_again_is_the_next_version_and_retired_it_is_gone(desk: Desk) -> None:
    first = bring(desk, THEIRS)["Location"]
    assert bring(desk, {**THEIRS, "title": "Theirs, newer"})["Location"] == first
    assert "Theirs, newer" in desk.page("/library/elsewhere")
    desk.post(f"{first}/retire")
    assert "None yet" in desk.page("/library/elsewhere")
    assert "Retired" in desk.page(first)


# --- asked


def test_every_kind_of_question_is_asked_and_answered(desk: Desk) -> None:
    draft = begun(desk)
    page = desk.page(draft)
    assert "Read this first." in page
    assert "From the record" in page  # the birth date, and that it came from there
    say(desk, draft, "smokes", "yes")
    say(desk, draft, "packs", "2")
    say(desk, draft, "falls[1]/where", "kitchen")
    say(desk, draft, "falls[1]/hurt", "false")
    say(desk, draft, "weight", "82,5", unit="kg")
    say(desk, draft, "medicines", "aspirin", "metformin")
    photo = io.BytesIO(b"\x89PNG")
    photo.name = "wound.png"
    desk.client.post(f"{draft}answer", {"item": "photo", "value": photo})
    done = desk.page(finished(desk, draft))
    for words in ("kitchen", "82.5 kg", "aspirin, metformin", "wound.png", "from the record"):
        assert words in done, words
    assert "1 observation was made of these answers" in done


def test_a_group_grows_and_shrinks_and_what_is_computed_follows(desk: Desk) -> None:
    draft = begun(desk)
    say(desk, draft, "falls[1]/where", "kitchen")
    answer = desk.client.post(f"{draft}repeat", {"group": "falls"})
    assert answer["Location"].endswith("?q=falls%5B2%5D%2Fwhere#now")
    say(desk, draft, "falls[2]/where", "stairs")
    page = desk.page(draft)
    assert "2 of 2" in page
    assert re.search(r'data-computed="how-many"[^>]*>.*?<b class="num">2</b>', page)
    desk.post(f"{draft}repeat", {"drop": "falls[1]"})
    page = desk.page(draft)
    assert 'value="stairs"' in page
    assert 'value="kitchen"' not in page
    assert re.search(r'data-computed="how-many"[^>]*>.*?<b class="num">1</b>', page)
    desk.client.post(f"{draft}repeat", {"group": "weight"})  # it does not repeat: said, and nothing happens
    assert "does not repeat" in desk.page(draft)


def test_the_script_is_told_what_was_computed(desk: Desk) -> None:
    draft = begun(desk)
    part = desk.post(f"{draft}answer", {"item": "falls[1]/where", "value": "kitchen"}, status=200, **HTMX)
    live = json.loads(re.search(r'<script id="assess-live" type="application/json">(.*?)</script>', part)[1])  # type: ignore[index]
    assert live["weight"]["computed"]["how-many"] == ["1", True]


def test_what_came_from_the_record_is_told_until_it_is_asked(desk: Desk) -> None:
    draft = begun(desk)
    page = desk.page(f"{draft}?q=finish")
    assert "1 answer stands there from the record, and nobody was asked:" in page
    desk.post(f"{draft}answer", {"item": "born", "keep": "1"})
    page = desk.page(f"{draft}?q=finish")
    assert "nobody was asked" not in page
    assert re.search(r'<b class="still-so">Still so.</b>', page)


def test_what_came_from_the_record_and_is_said_otherwise_is_hers(desk: Desk) -> None:
    draft = begun(desk)
    assert "From the record" in desk.page(draft)
    say(desk, draft, "born", "1960-01-01")
    assert "From the record" not in desk.page(draft)


def test_a_number_without_its_unit_is_refused_in_words(desk: Desk) -> None:
    draft = begun(desk)
    page = desk.post(f"{draft}answer", {"item": "weight", "value": "heavy"}, status=422)
    assert "Write a number with its unit" in page
    assert 'value="heavy"' in page


def test_page_and_program_write_the_same(desk: Desk) -> None:
    draft = begun(desk)
    say(desk, draft, "smokes", "no")
    say(desk, draft, "weight", "80", unit="kg")
    id = finished(desk, draft).split("/")[3]
    with store.open(desk.ward.scope, now=desk.ward.now) as unit:
        stored = unit.read("QuestionnaireResponse", id).resource
    assert stored["questionnaire"] == "http://example.org/theirs|2"
    by_id = {each["linkId"]: each for each in stored["item"]}
    assert by_id["weight"]["answer"][0]["valueQuantity"]["code"] == "kg"
    assert by_id["smokes"]["answer"][0]["valueCoding"] == {
        "system": "http://x",
        "code": "no",
        "display": "No",
    }


def test_on_paper_and_in_spanish(desk: Desk) -> None:
    bring(desk, THEIRS)
    name = re.search(r"/people/maria/assess/(Questionnaire-[^\"]+)", desk.page("/people/maria/assessments"))
    assert name
    assert "What of smokes?" in desk.page(f"/assess/{name[1]}/blank?language=es")


def test_a_form_that_is_not_there_is_a_page_that_is_not_there(desk: Desk) -> None:
    desk.page("/people/maria/assess/Questionnaire-nothing", status=404)
    desk.page("/library/elsewhere/nothing", status=404)


def test_a_retired_form_begins_nobody_and_what_was_begun_goes_on(desk: Desk) -> None:
    there = bring(desk, THEIRS)["Location"]
    name = "Questionnaire-" + there.rpartition("/")[2]
    draft = str(desk.client.post(f"/people/maria/assess/{name}", BEGIN)["Location"])
    say(desk, draft, "smokes", "no")
    desk.post(f"{there}/retire")
    assert (
        desk.client.get(draft).status_code == 302
    )  # its version moved on: told, and begun again with what fits
    again = str(desk.client.post(f"/people/maria/assess/{name}", BEGIN)["Location"])
    assert re.search(r'value="no" aria-pressed="true"', desk.page(again))
    desk.post(f"{again}stop")
    assert "not asked any more" in desk.post(f"/people/maria/assess/{name}", BEGIN, status=409)
