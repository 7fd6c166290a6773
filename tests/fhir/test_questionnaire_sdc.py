"""What other people's forms may do: repeat, compute, hide, offer answers, limit them; and what is refused of them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from careloop.fhir.questionnaire import (
    Answer,
    BadQuestionnaire,
    Known,
    begun,
    check,
    compile_form,
    enabled,
    options_at,
    packed,
    progress,
    settled,
    told,
    value_from_text,
    walk,
    with_another,
    without,
)
from careloop.fhir.questionnaire.paths import TooMuch, parsed
from careloop.fhir.responses import About, answers_of, problems_of, response
from tests.fhir.forms import R4, SDC, calculated, choice, form, group, item, path, variable, when

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def said(**values: Any) -> dict[str, Answer]:
    return {key: Answer(value if isinstance(value, tuple) else (value,)) for key, value in values.items()}


def codes(
    questionnaire: dict[str, Any], answers: dict[str, Answer], *, is_complete: bool = True
) -> list[str]:
    return [p.code for p in check(compile_form(questionnaire), answers, is_complete=is_complete)]


# --- what repeats

CHILDREN = form(
    group(
        "children",
        item("name", required=True),
        item("age", "integer"),
        item("school", **when("age", ">=", answerInteger=5)),
        repeats=True,
    ),
    item("any-at-school", "boolean", **when("age", ">=", answerInteger=5)),
)


def test_each_child_is_asked_about_her_own_school() -> None:
    made = compile_form(CHILDREN)
    answers = said(
        **{
            "children[1]/name": "Ana",
            "children[1]/age": 7,
            "children[2]/name": "Leo",
            "children[2]/age": 3,
        }
    )
    asked = enabled(made, answers)
    assert "children[1]/school" in asked
    assert "children[2]/school" not in asked
    assert "any-at-school" in asked  # from outside, any child will do
    assert progress(made, answers).total == 6


def test_a_repetition_without_answers_stays_and_is_missed() -> None:
    made = compile_form(CHILDREN)
    answers = with_another(made, said(**{"children[1]/name": "Ana"}), "children")
    assert "children[2]" in answers
    missing = [p.link_id for p in check(made, answers, is_complete=True) if p.code == "missing"]
    assert missing == ["children[2]/name"]


def test_taking_one_away_moves_up_those_behind_it() -> None:
    answers = said(**{f"children[{n}]/name": f"child {n}" for n in (1, 2, 3)}, other="x")
    kept = without(answers, "children[2]")
    assert {key: answer.values[0] for key, answer in kept.items()} == {
        "children[1]/name": "child 1",
        "children[2]/name": "child 3",
        "other": "x",
    }


def test_a_response_with_repetitions_says_the_same_read_back() -> None:
    made = compile_form(
        form(
            group("visits", item("where"), group("notes", item("note"), repeats=True), repeats=True),
            item("medicine", repeats=True, item=[item("dose")]),
        )
    )
    answers = said(
        **{
            "visits[1]/where": "home",
            "visits[1]/notes[1]/note": "one",
            "visits[1]/notes[2]/note": "two",
            "visits[2]/where": "office",
            "medicine": ("aspirin", "metformin"),
            "medicine[2]/dose": "500 mg",
        }
    )
    written = response(made, answers, About("Patient/maria", NOW), status="completed")
    assert [each["linkId"] for each in written["item"]] == ["visits", "visits", "medicine"]
    assert written["item"][2]["answer"][1]["item"][0]["answer"] == [{"valueString": "500 mg"}]
    read, problems = answers_of(made, written)
    assert problems == []
    assert {key: each for key, each in read.items() if each.is_given} == answers


def test_an_answer_outside_of_its_repetition_is_told_where_it_belongs() -> None:
    made = compile_form(CHILDREN)
    sent = {"status": "in-progress", "item": [{"linkId": "name", "answer": [{"valueString": "Ana"}]}]}
    (problem,) = problems_of(made, sent)
    assert (problem.code, problem.text) == ("wrong-place", "“name” belongs inside “children”.")


@pytest.mark.parametrize(
    "key", ["children[0]/name", "children[999]/name", "children[x]/name", "children[1]/nobody", "]["]
)
def test_a_key_that_this_form_can_not_have_is_no_question(key: str) -> None:
    assert codes(CHILDREN, {**said(**{"children[1]/name": "Ana"}), key: Answer(("x",))}) == [
        "unknown-question"
    ]


def test_no_more_repetitions_than_the_form_asks_for() -> None:
    limited = form(
        group(
            "g",
            item("a"),
            repeats=True,
            extension=[{"url": f"{R4}questionnaire-maxOccurs", "valueInteger": 2}],
        )
    )
    assert codes(limited, said(**{f"g[{n}]/a": "x" for n in (1, 2, 3)})) == ["too-many"]
    assert codes(limited, said(**{f"g[{n}]/a": "x" for n in (1, 2)})) == []


# --- enableWhen of every type

TYPED = [
    ("date", {"answerDate": "2026-01-10"}, "2026-01-09", "2026-01-11"),
    (
        "dateTime",
        {"answerDateTime": "2026-01-10T10:00:00-06:00"},
        "2026-01-10T15:59:59Z",
        "2026-01-10T16:00:01Z",
    ),
    ("time", {"answerTime": "10:00:00"}, "09:59:59", "10:00:01"),
    ("decimal", {"answerDecimal": Decimal("1.5")}, Decimal("1.49"), 2),
    ("integer", {"answerInteger": 3}, 2, 4),
    ("string", {"answerString": "m"}, "a", "z"),
    (
        "quantity",
        {"answerQuantity": {"value": 80, "code": "kg"}},
        {"value": 79, "code": "kg"},
        {"value": 81, "code": "kg"},
    ),
]


@pytest.mark.parametrize(("kind", "limit", "low", "high"), TYPED, ids=[each[0] for each in TYPED])
@pytest.mark.parametrize("operator", ["=", "!=", "<", ">", "<=", ">="])
def test_every_operator_on_every_type(
    kind: str, limit: dict[str, Any], low: Any, high: Any, operator: str
) -> None:
    made = compile_form(form(item("a", kind), item("b", **when("a", operator, **limit))))
    exact = next(iter(limit.values()))
    holds = {
        value: "b" in enabled(made, said(a=each))
        for value, each in (("low", low), ("same", exact), ("high", high))
    }
    expected = {
        "=": {"same"},
        "!=": {"low", "high"},
        "<": {"low"},
        ">": {"high"},
        "<=": {"low", "same"},
        ">=": {"same", "high"},
    }[operator]
    assert {name for name, does in holds.items() if does} == expected


def test_choices_references_and_booleans_compare_by_what_they_are() -> None:
    made = compile_form(
        form(
            choice("c", "yes", "no"),
            item("r", "reference"),
            item("f", "boolean"),
            item("x", **when("c", "=", answerCoding={"system": "http://x", "code": "yes"})),
            item("y", **when("r", "=", answerReference={"reference": "Patient/maria"})),
            item("z", **when("f", "=", answerBoolean=False)),
        )
    )
    assert {"x", "y", "z"} <= enabled(made, said(c="yes", r={"reference": "Patient/maria"}, f=False))
    assert not {"x", "y", "z"} & enabled(made, said(c="no", r={"reference": "Patient/leo"}, f=True))


def test_other_units_are_not_compared() -> None:
    made = compile_form(
        form(item("w", "quantity"), item("b", **when("w", ">", answerQuantity={"value": 80, "code": "kg"})))
    )
    assert "b" not in enabled(made, said(w={"value": 200, "code": "[lb_av]"}))


def test_a_year_is_before_another_only_when_all_of_it_is() -> None:
    made = compile_form(form(item("d", "date"), item("b", **when("d", "<", answerDate="2026-06-15"))))
    assert "b" in enabled(made, said(d="2025"))
    assert "b" not in enabled(made, said(d="2026"))


# --- what is refused, with its linkId


@pytest.mark.parametrize(
    ("wrong", "told_so"),
    [
        (item("a", "slider"), "“a” is of the unknown type “slider”"),
        (item("a", **when("b", "=", answerString="x")), "hangs on “b”, which is not there"),
        (
            item("a", enableWhen=[{"question": "a2", "operator": "~", "answerString": "x"}]),
            "unknown operator “~”",
        ),
        (item("a", enableWhen=[{"question": "a2", "operator": "="}]), "with nothing"),
        (item("a", "integer", extension=[calculated("1 +")]), "“a”: “1 +” can’t be read"),
        (item("a", "integer", extension=[calculated("1 1")]), "was not expected"),
        (item("a", "integer", extension=[calculated("%weight * 2")]), "names %weight, which is not there"),
        (item("a", "integer", extension=[calculated("trace('x')")]), "trace() is not spoken here"),
        (item("a", "integer", extension=[calculated("item.resolve()")]), "resolve() is not spoken here"),
        (
            item(
                "a",
                extension=[
                    {
                        "url": f"{SDC}enableWhenExpression",
                        "valueExpression": {"language": "text/cql", "expression": "X"},
                    }
                ],
            ),
            "text/cql",
        ),
        (item("a", "integer", extension=[calculated("(" * 90 + "1" + ")" * 90)]), "nested too deep"),
        (item("a", "integer", extension=[calculated("'" + "x" * 5000 + "'")]), "at most"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_form_that_can_not_be_asked_is_refused_with_the_place(wrong: dict[str, Any], told_so: str) -> None:
    with pytest.raises(BadQuestionnaire) as refused:
        compile_form(form(wrong, item("a2")))
    assert told_so in refused.value.detail


def test_a_form_without_an_end_is_refused() -> None:
    deep = item("x")
    for number in range(40):
        deep = group(f"g{number}", deep)
    with pytest.raises(BadQuestionnaire, match="nested more than"):
        compile_form(form(deep))
    with pytest.raises(BadQuestionnaire, match="more than 5000 items"):
        compile_form(form(*(item(f"i{n}") for n in range(5001))))


def test_a_long_chain_of_conditions_is_walked_without_recursion() -> None:
    items = [item("i0", "boolean")]
    items += [item(f"i{n}", "boolean", **when(f"i{n - 1}", "=", answerBoolean=True)) for n in range(1, 2000)]
    made = compile_form(form(*items))
    assert len(enabled(made, {f"i{n}": Answer((True,)) for n in range(2000)})) == 2000


# --- expressions

BMI = form(
    item("kg", "decimal"),
    item("cm", "decimal"),
    item("bmi", "decimal", readOnly=True, extension=[calculated("(%kg / %m.power(2)).round(1)")]),
    extension=[
        variable("kg", "%resource.item.where(linkId='kg').answer.value"),
        variable("m", "%resource.item.where(linkId='cm').answer.value / 100"),
    ],
)


def test_a_value_is_computed_from_variables_and_goes_when_they_go() -> None:
    made = compile_form(BMI)
    answers = settled(made, said(kg=Decimal(82), cm=Decimal(170)))
    assert answers["bmi"].values == (Decimal("28.4"),)
    assert "bmi" not in settled(made, {**answers, "cm": Answer(absent="declined")})
    assert [q.link_id for q in made.questions] == ["kg", "cm"]


def test_what_is_computed_may_decide_what_is_asked_and_what_is_asked_what_is_computed() -> None:
    made = compile_form(
        form(
            item("a", "integer"),
            item(
                "double",
                "integer",
                extension=[calculated("%resource.item.where(linkId='a').answer.value * 2")],
            ),
            item("why", **when("double", ">", answerInteger=10)),
            item(
                "whys", "integer", extension=[calculated("%resource.item.where(linkId='why').answer.count()")]
            ),
        )
    )
    answers = settled(made, said(a=6, why="because"))
    assert "why" in enabled(made, answers)
    assert answers["whys"].values == (1,)
    fewer = settled(made, {**answers, "a": Answer((2,))})
    assert "why" not in enabled(made, fewer)
    assert fewer["whys"].values == (0,)


def test_points_of_chosen_answers_are_added_up() -> None:
    options = [
        {
            "valueCoding": {
                "code": c,
                "display": c,
                "extension": [{"url": f"{R4}ordinalValue", "valueDecimal": n}],
            }
        }
        for n, c in enumerate(("never", "often", "always"))
    ]
    made = compile_form(
        form(
            item("q1", "choice", answerOption=options),
            item("q2", "choice", answerOption=options),
            item("sum", "integer", extension=[calculated("%resource.item.answer.value.ordinal().sum()")]),
        )
    )
    assert settled(made, said(q1="often", q2="always"))["sum"].values == (3,)


def test_a_condition_as_expression_and_one_that_fails_is_rather_asked() -> None:
    expression = f"{SDC}enableWhenExpression"
    made = compile_form(
        form(
            item("a", "integer"),
            item("b", extension=[path(expression, "%resource.item.where(linkId='a').answer.value > 3")]),
            item("c", extension=[path(expression, "'x'.toInteger().single().substring(2) + 3")]),
        )
    )
    assert "b" in enabled(made, said(a=4))
    assert "b" not in enabled(made, said(a=3))


def test_today_is_the_day_that_was_passed_in() -> None:
    made = compile_form(form(item("d", "date", extension=[calculated("today()")])))
    assert "d" not in settled(made, {})
    bound = told(made, Known(today=date(2026, 11, 23)))
    assert settled(bound, {})["d"].values == ("2026-11-23",)


def test_answers_to_choose_from_may_be_other_answers() -> None:
    made = compile_form(
        form(
            item("medicines", repeats=True),
            item(
                "which",
                "choice",
                extension=[
                    path(f"{SDC}answerExpression", "%resource.item.where(linkId='medicines').answer.value")
                ],
            ),
        )
    )
    answers = said(medicines=("aspirin", "metformin"))
    place = next(each for each in walk(made, answers) if each.key == "which")
    assert [option.key for option in options_at(made, answers, place)] == ["aspirin", "metformin"]
    assert [p.code for p in check(made, {**answers, **said(which="ibuprofen")}, is_complete=False)] == [
        "not-an-option"
    ]
    assert check(made, {**answers, **said(which="aspirin")}, is_complete=False) == []


@pytest.mark.parametrize(
    "endless",
    [
        "2.power(100000000)",
        "'" + "a" * 40 + "'.matches('(a+)+$')",
        "(1|2|3|4|5|6|7|8|9)" + ".select((1|2|3|4|5|6|7|8|9)" * 4 + ")" * 4,
        "exp(100000)",
    ],
)
def test_an_expression_without_an_end_is_stopped(endless: str) -> None:
    with pytest.raises((TooMuch, ValueError)):
        parsed(endless)({}, "QuestionnaireResponse", {}, Known())
    made = compile_form(form(item("a", "integer", extension=[calculated(endless)])))
    assert "a" not in settled(made, {})


# --- limits of answers


KG200, KG201 = ({"value": value, "code": "kg"} for value in (200, 201))
HTML = {"contentType": "text/html", "data": "PGI+"}


def limited(url: str, kind: str, value: Any) -> dict[str, Any]:
    return {"extension": [{"url": url, f"value{kind}": value}]}


@pytest.mark.parametrize(
    ("asked", "answer", "expected"),
    [
        (item("a", maxLength=3), "long", ["too-long"]),
        (item("a", **limited(f"{R4}minLength", "Integer", 3)), "ab", ["too-short"]),
        (item("a", "decimal", **limited(f"{R4}maxDecimalPlaces", "Integer", 1)), Decimal("1.25"), ["out-of-range"]),
        (item("a", "decimal", **limited(f"{R4}maxDecimalPlaces", "Integer", 1)), Decimal("1.50"), []),
        (item("a", "date", **limited(f"{R4}minValue", "Date", "2026-01-01")), "2025-12-31", ["out-of-range"]),
        (item("a", "quantity", **limited(f"{SDC}maxQuantity", "Quantity", KG200)), KG201, ["out-of-range"]),
        (item("a", "integer"), True, ["wrong-type"]),
        (item("a", "decimal"), Decimal("NaN"), ["wrong-type"]),
        (item("a", "time"), "25:00:00", ["wrong-type"]),
        (item("a", "url"), "not an address", ["wrong-type"]),
        (item("a", "attachment", **limited(f"{R4}mimeType", "Code", "image/png")), HTML, ["wrong-type"]),
        (item("a", "attachment", **limited(f"{R4}maxSize", "Decimal", Decimal("0.000001"))), HTML, ["too-long"]),
        (choice("a", "x", "y"), "z", ["not-an-option"]),
        (item("a", "open-choice", answerOption=[{"valueString": "x"}]), "something else", []),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(asked: dict[str, Any], answer: Any, expected: list[str]) -> None:
    assert codes(form(asked), said(a=(answer,)), is_complete=False) == expected


def test_a_unit_that_is_not_offered_does_not_fit() -> None:
    units = [
        {
            "url": f"{R4}questionnaire-unitOption",
            "valueCoding": {"system": "http://unitsofmeasure.org", "code": c, "display": c},
        }
        for c in ("kg", "g")
    ]
    made = compile_form(form(item("w", "quantity", extension=[*units])))
    weight = made.by_id["w"]
    assert value_from_text(weight, "82,5 kg") == {
        "value": Decimal("82.5"),
        "unit": "kg",
        "system": "http://unitsofmeasure.org",
        "code": "kg",
    }
    closed = compile_form(form(item("w", "quantity", extension=[*units])))
    assert closed.by_id["w"].units[0].code == "kg"


def test_options_of_every_type_stand_for_themselves() -> None:
    made = compile_form(
        form(
            item("n", "choice", answerOption=[{"valueInteger": 1}, {"valueInteger": 2}]),
            item("d", "choice", answerOption=[{"valueDate": "2026-01-01"}]),
            item(
                "r", "choice", answerOption=[{"valueReference": {"reference": "Patient/a", "display": "Ana"}}]
            ),
        )
    )
    answers = said(n="2", d="2026-01-01", r="Ana")
    written = response(made, answers, About("Patient/maria", NOW), status="completed")
    assert [each["answer"][0] for each in written["item"]] == [
        {"valueInteger": 2},
        {"valueDate": "2026-01-01"},
        {"valueReference": {"reference": "Patient/a", "display": "Ana"}},
    ]
    assert answers_of(made, written) == (answers, [])


def test_answers_come_from_a_value_set_inside_the_form() -> None:
    inside = {
        "resourceType": "ValueSet",
        "id": "vs",
        "status": "active",
        "compose": {"include": [{"system": "http://x", "concept": [{"code": "a", "display": "Apple"}]}]},
    }
    made = compile_form(form(item("q", "choice", answerValueSet="#vs"), contained=[inside]))
    assert [(o.key, o.text) for o in made.by_id["q"].options] == [("a", "Apple")]
    unknown = compile_form(form(item("q", "choice", answerValueSet="http://nowhere/vs")))
    assert "is not known here" in unknown.notes[0].text


def test_what_the_form_says_before_anybody_answered() -> None:
    made = compile_form(
        form(
            item("a", "integer", initial=[{"valueInteger": 5}]),
            {**choice("c", "x", "y"), "initial": [{"valueCoding": {"system": "http://x", "code": "y"}}]},
            item(
                "o",
                "choice",
                answerOption=[{"valueString": "p", "initialSelected": True}, {"valueString": "q"}],
            ),
        )
    )
    assert begun(made) == said(a=5, c="y", o="p")


def test_hidden_and_read_only_questions_are_nobodys_to_answer() -> None:
    made = compile_form(
        form(
            item("h", required=True, extension=[{"url": f"{R4}questionnaire-hidden", "valueBoolean": True}]),
            item("r", required=True, readOnly=True),
            item("a", required=True),
        )
    )
    assert [p.link_id for p in check(made, {}, is_complete=True)] == ["a"]
    assert progress(made, {}).total == 1


def test_marked_text_is_made_safe_and_help_stands_with_its_question() -> None:
    xhtml = {"extension": [{"url": f"{R4}rendering-xhtml", "valueString": "<b>Bold</b><script>x</script>"}]}
    control = limited(f"{R4}questionnaire-itemControl", "CodeableConcept", {"coding": [{"code": "help"}]})
    helped = item("a", item=[{"linkId": "a-help", "type": "display", "text": "Look here", **control}])
    made = compile_form(form({**helped, "_text": xhtml}))
    assert made.by_id["a"].html == "<b>Bold</b>"
    assert made.by_id["a"].help("en") == "Look here"
    assert "a-help" not in made.by_id


def test_a_form_packs_into_json_with_all_that_a_script_needs() -> None:
    made = compile_form(
        form(
            choice("c", "x", "y"),
            item("n", "integer", **when("c", "=", answerCoding={"code": "x"})),
            *CHILDREN["item"],
        )
    )
    told_to = json.loads(json.dumps(packed(made)))
    assert [each["linkId"] for each in told_to["items"]] == [each.link_id for each in made.items]
    assert told_to["items"][0]["options"][0]["key"] == "x"
    assert told_to["items"][1]["when"] == [{"question": "c", "operator": "=", "value": {"code": "x"}}]
    assert told_to["repeating"] == ["children"]
    assert told_to["needs_server"] == []
    computing = packed(compile_form(BMI))
    assert computing["needs_server"] == ["bmi"]
