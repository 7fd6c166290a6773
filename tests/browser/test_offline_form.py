"""The script that asks without the server agrees with the server: what is asked, how far it has come, what is missing
and what is critical, for every set of questions that goes along."""

from __future__ import annotations

import random
from typing import Any

import pytest

from careloop.actions.take_offline import fitting, instrument_told
from careloop.care.assess import score
from careloop.fhir.questionnaire import REFUSED, Answer, check, enabled, progress
from careloop.library import Instrument, load

pytestmark = pytest.mark.browser

ASKED = """([instrument, sets]) => sets.map((answers) => ({
  asked: [...careloopForm.asking(instrument.form, answers).asked].sort(),
  progress: careloopForm.progress(instrument.form, answers),
  missing: careloopForm.missing(instrument.form, answers).map((item) => item.linkId),
  alarms: careloopForm.alarms(instrument, answers).map((each) => each.id),
}))"""


def by_chance(instrument: Instrument, chance: random.Random) -> dict[str, Answer]:
    found = {}
    for item in instrument.form.items:
        if not item.is_answered_here or chance.random() < 0.2:
            continue
        keys = [option.key for option in item.options]
        if chance.random() < 0.1:
            found[item.link_id] = Answer((), chance.choice(["declined", "unknown", "not-asked"]))
        elif item.type == "integer":
            found[item.link_id] = Answer((chance.randint(0, int(item.maximum or 5)),))
        elif item.type == "date":
            found[item.link_id] = Answer(("2026-11-20",))
        elif keys and item.repeats:
            plain = [option.key for option in item.options if not option.is_exclusive]
            found[item.link_id] = Answer(tuple(chance.sample(plain, min(2, len(plain)))))
        else:
            found[item.link_id] = Answer((chance.choice(keys or ["some words"]),))
    return found


def sent(answers: dict[str, Answer]) -> dict[str, Any]:
    return {
        key: {"values": [str(v) for v in each.values], "absent": each.absent} for key, each in answers.items()
    }


def told(instrument: Instrument, answers: dict[str, Answer]) -> dict[str, Any]:
    form = instrument.form
    done = progress(form, answers)
    asked = {key: each for key, each in answers.items() if key in enabled(form, answers)}
    return {
        "asked": sorted(enabled(form, answers)),
        "progress": {"answered": done.answered, "total": done.total},
        "missing": [p.link_id for p in check(form, asked, is_complete=True) if p.code == "missing"],
        "alarms": [each.critical.id for each in score(instrument, answers).critical],
    }


def test_the_script_and_the_server_ask_alike(open_page: Any, live: Any) -> None:
    page = open_page()
    page.goto("/offline/")
    chance = random.Random(7)
    spoke = 0
    for instrument in fitting(load()):
        sets = [{}, *(dict(case.answers) for case in instrument.cases if hasattr(case, "answers"))]
        sets = [each for each in sets if all(isinstance(a, Answer) for a in each.values())]
        sets += [by_chance(instrument, chance) for _ in range(60)]
        heard = page.evaluate(ASKED, [instrument_told(instrument), [sent(each) for each in sets]])
        for answers, found in zip(sets, heard, strict=True):
            assert found == told(instrument, answers), (instrument.id, answers)
            spoke += bool(found["alarms"])
    assert spoke > 50, "what is critical was among them"


def test_declined_is_an_answer_where_the_form_has_one(open_page: Any, live: Any) -> None:
    page = open_page()
    page.goto("/offline/")
    asq = next(each for each in fitting(load()) if each.id == "asq")
    item = next(each for each in instrument_told(asq)["form"]["items"] if each["linkId"] == "right-now")
    assert page.evaluate("([item, why]) => careloopForm.reason(item, why)", [item, "declined"]) == {
        "values": [REFUSED],
        "absent": None,
    }
