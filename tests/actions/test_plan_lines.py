"""Single lines of a plan that stands: added, changed, ended, reopened, taken back; each a version, with who and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from careloop import store
from careloop.access import Scope
from careloop.accounts.family_accounts import open_account
from careloop.actions.activate_plan import StalePlan
from careloop.actions.ask_to_see import ask_due
from careloop.actions.complete_work import complete_work
from careloop.actions.plan_ends import end_line, out_of_the_way, reopen_line
from careloop.actions.plan_lines import Target, Wanted, add_line, change_line
from careloop.actions.plan_writing import BadLine
from careloop.actions.see_plan import acknowledge
from careloop.actions.sign_plan import Signing, is_as_signed, sign_plan
from careloop.actions.undo import TooLate, undo
from careloop.actions.working import Result
from careloop.care.plan_seen import Standing
from careloop.fhir import uris
from careloop.fhir.elements import codings, ref
from careloop.fhir.validate import problems
from careloop.kernel.errors import Forbidden, NotFound, StaleVersion
from careloop.library import load
from careloop.projections.chart_lines import PlanPage
from careloop.projections.chart_plan import plan_of
from careloop.projections.plan_history import active_plan_of, plan_now, plan_then, versions_of, what_changed
from careloop.projections.plan_seen import SeenBy, seen_by
from careloop.reactions.timers import run_timers
from careloop.reactions.timers import scope as timers_scope
from careloop.store import Stored
from tests.store.rows import rows
from tests.web.proposing import Bayview, bayview


class Ward(Bayview):
    """Maria's plan, written by hand, by Ana."""

    def __init__(self, scope: Scope, now: datetime) -> None:
        self.__dict__.update(bayview(scope, now).__dict__)
        actor = replace(
            scope.actor,
            kind="staff",
            name="Ana Reyes",
            roles=frozenset({"coordinator"}),
            sites=frozenset({self.site.rid}),
            practitioner=f"Practitioner/{self.user.practitioner}",
        )
        self.ana = replace(scope, actor=actor)

    def later(self, **lapse: int) -> None:
        self.now += timedelta(**(lapse or {"minutes": 1}))

    def add(self, part: str, text: str, under: str = "", **more: object) -> str:
        self.later()
        wanted = Wanted(text, **more)  # type: ignore[arg-type]
        result = add_line(self.ana, self.person.id, part, under, wanted, "She asked for it", self.now)  # type: ignore[arg-type]
        return next(each.reference for each in result.made if each.type != "CarePlan")

    def change(
        self, line: str, wanted: Wanted, because: str = "It was too much", version: int | None = None
    ) -> Result:
        self.later()
        return change_line(self.ana, self.person.id, line, version, wanted, because, self.now)

    def end(self, line: str, reason: str = "not-wanted", words: str = "", **more: bool) -> Result:
        self.later()
        return end_line(self.ana, self.person.id, line, None, reason, words, self.now, **more)

    def get(self, reference: str) -> Stored:
        with store.open(self.ana, now=self.now) as unit:
            kind, _, id = reference.partition("/")
            return unit.read(kind, id)

    def plan(self) -> Stored:
        with store.open(self.ana, now=self.now) as unit:
            found = active_plan_of(unit, self.person.rid)
        assert found is not None
        return found

    def page(self) -> PlanPage:
        with store.open(self.ana, now=self.now) as unit:
            return plan_of(unit, self.person, {})

    def told(self, since: datetime, audience: str = "coordinator") -> list[str]:
        with store.open(self.ana, now=self.now) as unit:
            plan = active_plan_of(unit, self.person.rid)
            assert plan is not None
            found = what_changed(unit, self.person, plan, since, audience)  # type: ignore[arg-type]
        return [each.says.en for each in found]

    def seen(self) -> SeenBy:
        with store.open(self.ana, now=self.now) as unit:
            plan = active_plan_of(unit, self.person.rid)
            assert plan is not None
            return seen_by(unit, self.person, plan, load())

    def standing(self, who: str) -> Standing:
        return next(each for each in self.seen().standings if each.must.who == who)


@pytest.fixture
def ward(record: None, scope: Scope, now: datetime) -> Ward:
    return Ward(scope, now)


WEIGHT = Wanted(
    "Keep the weight steady",
    spanish="Mantener el peso",
    due=date(2026, 12, 31),
    target=Target("weight", "<", Decimal("84"), None, "kg"),
)


@pytest.fixture
def goal(ward: Ward) -> str:
    need = ward.add("need", "Heart failure", words="I get so short of breath")
    ward.later()
    made = add_line(ward.ana, ward.person.id, "goal", need, WEIGHT, "Water is the danger", ward.now).made
    return made[0].reference


def test_a_first_line_by_hand_makes_the_plan_and_every_resource_is_valid(ward: Ward, goal: str) -> None:
    step = ward.add(
        "step",
        "Weigh each morning",
        goal,
        owner=ward.person.reference,
        owner_name="Maria Duarte",
        due=date(2026, 11, 30),
    )
    barrier = ward.add("barrier", "No scale at home", goal)
    met = ward.add("step", "Lend her a scale", barrier)
    plan = ward.plan()
    for reference in (plan.reference, goal, step, barrier, met):
        assert problems(ward.get(reference).resource) == [], reference
    shown = ward.page()
    (need,) = shown.needs
    assert need.words == "I get so short of breath"
    (aim,) = need.goals
    assert (aim.text, aim.target) == ("Keep the weight steady", "weight under 84 kg")
    assert [each.title for each in aim.steps] == ["Weigh each morning"]
    assert [(each.text, [s.title for s in each.steps]) for each in aim.barriers] == [
        ("No scale at home", ["Lend her a scale"])
    ]
    assert plan.version == 5
    assert plan.resource["author"]["display"] == "Ana Reyes"


def test_a_change_is_a_version_with_why_and_a_provenance(ward: Ward, goal: str) -> None:
    before = ward.now
    ward.change(
        goal,
        replace(WEIGHT, target=Target("weight", "<", Decimal("82"), None, "kg")),
        "Her doctor lowered it",
    )
    assert ward.told(before) == [
        "Goal changed: Keep the weight steady: weight under 82 kg (was weight under 84 kg). "
        "Because: Her doctor lowered it"
    ]
    plan = ward.plan()
    with store.open(ward.ana, now=ward.now) as unit:
        latest = versions_of(unit, plan)[0].changed
        told = [s.resource for s in unit.of_person(ward.person.rid, ["Provenance"])]
    assert latest is not None
    assert (latest.act, latest.line, latest.name) == ("changed", goal, "Ana Reyes")
    (mine,) = [
        each for each in told if ("urn:careloop:code:plan-act", "changed") in codings(each["activity"])
    ]
    assert [each["reference"] for each in mine["target"]] == [
        f"{goal}/_history/2",
        f"{ward.plan().reference}/_history/3",
    ]
    assert mine["reason"][0]["text"] == "Her doctor lowered it"


def test_the_plan_stands_as_it_stood(ward: Ward, goal: str) -> None:
    then, plan = ward.now, ward.plan()
    ward.end(goal)
    with store.open(ward.ana, now=ward.now) as unit:
        was = plan_then(unit, ward.person.rid, then, plan.id)
        now = plan_now(unit, ward.person.rid)
    assert (was.version, was.lines[goal].state) == (2, "open")
    assert (now.version, now.lines[goal].state) == (3, "ended")


def test_who_saw_an_older_line_is_told_and_nothing_is_lost(ward: Ward, goal: str) -> None:
    ward.change(goal, replace(WEIGHT, text="Keep the weight under control"))
    with pytest.raises(StaleVersion):
        ward.change(goal, replace(WEIGHT, text="Another"), version=1)


def test_the_same_again_writes_nothing(ward: Ward, goal: str) -> None:
    version = ward.plan().version
    assert ward.change(goal, WEIGHT).made == ()
    assert ward.plan().version == version


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (replace(WEIGHT, text=" "), "text"),
        (replace(WEIGHT, due=date(2026, 11, 1)), "due"),
        (replace(WEIGHT, due=date(2040, 1, 1)), "due"),
        (replace(WEIGHT, target=Target("", "<", Decimal(82))), "measure"),
        (replace(WEIGHT, target=Target("weight", "", Decimal(82), Decimal(80))), "value"),
        (replace(WEIGHT, achievement="splendid"), "achievement"),
    ],
)
def test_what_can_t_be_kept_names_its_field(ward: Ward, goal: str, wanted: Wanted, field: str) -> None:
    with pytest.raises(BadLine) as bad:
        ward.change(goal, wanted)
    assert bad.value.field == field


def test_a_goal_is_not_changed_without_a_why(ward: Ward, goal: str) -> None:
    with pytest.raises(BadLine):
        ward.change(goal, replace(WEIGHT, text="Another"), because=" ")


def test_what_ends_takes_along_what_is_open_under_it_and_can_be_reopened(ward: Ward, goal: str) -> None:
    step = ward.add("step", "Weigh each morning", goal)
    before = ward.now
    ward.end(goal, "other", "She moves to her daughter")
    assert ward.page().needs[0].goals == ()
    assert {each.reference for each in ward.page().ended} == {goal, step}
    assert ward.told(before, "person") == [
        "We stopped: Keep the weight steady. Why: She moves to her daughter",
        "We stopped: Weigh each morning. Why: She moves to her daughter",
    ]
    assert problems(ward.get(goal).resource) == []
    ward.later()
    reopen_line(ward.ana, ward.person.id, goal, ward.now)
    assert ward.page().needs[0].goals[0].text == "Keep the weight steady"
    assert problems(ward.get(goal).resource) == []


def test_an_end_needs_a_reason(ward: Ward, goal: str) -> None:
    with pytest.raises(BadLine):
        ward.end(goal, "")
    with pytest.raises(BadLine):
        ward.end(goal, "other", " ")


def test_an_act_is_taken_back_for_ten_minutes_and_then_not(ward: Ward, goal: str) -> None:
    step = ward.add("step", "Weigh each morning", goal)
    result = ward.end(goal)
    ward.later()
    undo(ward.ana, result.undo, ward.now)
    assert ward.page().needs[0].goals[0].steps[0].reference == step
    assert ward.told(ward.now - timedelta(minutes=2)) == []
    result = ward.end(goal)
    ward.later(minutes=11)
    with pytest.raises(TooLate):
        undo(ward.ana, result.undo, ward.now)


def test_a_line_that_was_added_by_mistake_is_taken_back(ward: Ward, goal: str) -> None:
    ward.later()
    result = add_line(ward.ana, ward.person.id, "barrier", goal, Wanted("No ride"), "So she said", ward.now)
    ward.later()
    undo(ward.ana, result.undo, ward.now)
    assert ward.page().needs[0].goals[0].barriers == ()
    assert ward.page().ended == ()


def test_what_is_out_of_the_way_is_no_barrier_any_more(ward: Ward, goal: str) -> None:
    barrier = ward.add("barrier", "No scale at home", goal)
    before = ward.now
    ward.later()
    out_of_the_way(ward.ana, ward.person.id, barrier, ward.now)
    assert ward.page().needs[0].goals[0].barriers == ()
    assert ward.told(before) == ["No longer in the way: No scale at home"]


def test_lines_of_somebody_else_and_people_who_are_no_staff_get_nowhere(ward: Ward, goal: str) -> None:
    with ward.open() as unit:
        other = unit.create(
            {
                "resourceType": "Patient",
                "name": [{"family": "Lee"}],
                "managingOrganization": ref(ward.site.reference),
            }
        )
    with pytest.raises(NotFound):
        end_line(ward.ana, other.id, goal, None, "not-wanted", "", ward.now)
    with pytest.raises(Forbidden):
        end_line(ward.scope, ward.person.id, goal, None, "not-wanted", "", ward.now)
    biller = replace(ward.ana, actor=replace(ward.ana.actor, roles=frozenset({"biller"})))
    with pytest.raises((Forbidden, NotFound)):
        end_line(biller, ward.person.id, goal, None, "not-wanted", "", ward.now)
    assert ward.get(goal).version == 1


# --- seen and signed


def open_work(kind: str) -> int:
    ((found,),) = rows(f"select count(*) from work where kind = '{kind}' and is_open")
    return int(found)


def test_who_must_see_it_is_asked_once_things_have_settled_and_reminded_of(ward: Ward, goal: str) -> None:
    open_account(ward.person.reference, "Maria Duarte", "es", ward.now)
    standing = ward.standing(ward.person.reference)
    assert (standing.is_current, standing.seen) == (False, None)
    assert open_work("plan-acknowledgment") == 0
    ward.later(hours=5)
    assert run_timers(ward.now, load()) >= 1
    assert open_work("plan-acknowledgment") == 1
    ward.later(hours=1)
    ask_due(timers_scope(), ward.person.rid, load(), ward.now)
    assert open_work("plan-acknowledgment") == 1
    assert open_work("plan-reminder") == 0
    ward.later(days=9)
    run_timers(ward.now, load())
    assert open_work("plan-reminder") == 1
    acknowledge(ward.ana, ward.person.id, ward.person.reference, ward.plan().version, ward.now, how="spoken")
    assert ward.standing(ward.person.reference).is_current
    assert ask_due(timers_scope(), ward.person.rid, load(), ward.now) is None
    assert (open_work("plan-acknowledgment"), open_work("plan-reminder")) == (0, 0)


def test_who_has_no_page_is_gone_over_it_with_and_that_counts(ward: Ward, goal: str) -> None:
    ask_due(timers_scope(), ward.person.rid, load(), ward.now)
    assert (open_work("plan-acknowledgment"), open_work("plan-reminder")) == (0, 1)
    ((task,),) = rows("select task_id from work where kind = 'plan-reminder'")
    ward.later()
    complete_work(ward.ana, str(task), "done", ward.now)
    standing = ward.standing(ward.person.reference)
    assert standing.is_current
    assert standing.seen is not None
    assert (standing.seen.how, standing.seen.by) == ("spoken", "Ana Reyes, RN")


def test_an_agency_and_a_doctor_elsewhere_are_sent_what_changed(ward: Ward, goal: str) -> None:
    with ward.open() as unit:
        food = unit.create({"resourceType": "Organization", "name": "Food Bank"})
    ward.add("step", "Bring low-salt meals", goal, owner=food.reference, owner_name="Food Bank")
    ask_due(timers_scope(), ward.person.rid, load(), ward.now)
    assert rows("select title from work where kind = 'plan-share'") == [
        ("Send what changed in the plan to Food Bank",)
    ]


def test_who_wrote_the_version_has_seen_it(ward: Ward, goal: str) -> None:
    ward.add("step", "Call on Friday", goal, owner=ward.ana.actor.practitioner, owner_name="Ana Reyes")
    assert ward.standing(str(ward.ana.actor.practitioner)).is_current


def test_an_old_version_can_t_be_acknowledged_and_a_step_done_asks_nobody_again(
    ward: Ward, goal: str
) -> None:
    with pytest.raises(StalePlan):
        acknowledge(ward.ana, ward.person.id, ward.person.reference, 1, ward.now)
    acknowledge(ward.ana, ward.person.id, ward.person.reference, ward.plan().version, ward.now, how="spoken")
    step = ward.add("step", "Weigh each morning", goal)
    assert not ward.standing(ward.person.reference).is_current
    ward.later()
    acknowledge(ward.ana, ward.person.id, ward.person.reference, ward.plan().version, ward.now, how="spoken")
    ward.later()
    with ward.open() as unit:
        task = unit.read("Task", step.partition("/")[2])
        unit.update({**task.resource, "status": "completed"}, if_match=task.version)
    ward.later()
    assert ward.standing(ward.person.reference).is_current


def test_a_signature_says_which_version_how_and_before_whom_and_that_it_changed_since(
    ward: Ward, goal: str
) -> None:
    version = ward.plan().version
    signing = Signing(ward.person.reference, "person", "verbal", "Maria Duarte", witness="Lucía Duarte")
    ward.later()
    made = sign_plan(ward.ana, ward.person.id, version, signing, ward.now).made[0]
    assert problems(made.resource) == []
    found = ward.seen()
    (signed,) = found.signatures
    assert (signed.name, signed.role, signed.how, signed.version) == (
        "Maria Duarte",
        "person",
        "verbal",
        version,
    )
    assert (signed.witness, signed.entered_by) == ("Lucía Duarte", "Ana Reyes")
    assert found.since[signed.reference] == ()
    assert ward.standing(ward.person.reference).is_current
    with store.open(ward.ana, now=ward.now) as unit:
        assert is_as_signed(unit, signed) is True
        assert is_as_signed(unit, replace(signed, digest="sha256:0")) is False
    ward.change(goal, replace(WEIGHT, text="Another goal"))
    found = ward.seen()
    assert [each.reference for each in found.since[signed.reference]] == [goal]
    with store.open(ward.ana, now=ward.now) as unit:
        assert is_as_signed(unit, signed) is True


def test_nobody_signs_on_the_screen_for_another_nor_by_word_without_a_witness(ward: Ward, goal: str) -> None:
    version, person = ward.plan().version, ward.person.reference
    for signing, field in (
        (Signing(person, "person", "screen"), "who"),
        (Signing(person, "person", "verbal"), "witness"),
        (Signing(person, "person", "paper", on=date(2027, 1, 1)), "on"),
        (Signing("Patient/somebody", "person", "verbal", witness="Lucía"), "who"),
        (Signing("RelatedPerson/nobody", "representative", "verbal", witness="Lucía"), "who"),
    ):
        with pytest.raises(BadLine) as bad:
            sign_plan(ward.ana, ward.person.id, version, signing, ward.now)
        assert bad.value.field == field
    with pytest.raises(StalePlan):
        sign_plan(
            ward.ana, ward.person.id, version - 1, Signing(person, "person", "verbal", witness="L"), ward.now
        )


def test_words_of_reasons_are_in_both_languages(ward: Ward, goal: str) -> None:
    ward.end(goal, "cannot", "no scale in the house")
    with store.open(ward.ana, now=ward.now) as unit:
        line = plan_now(unit, ward.person.rid).lines[goal]
    assert line.because.es == "No se puede hacer: no scale in the house"
    assert uris.PLAN_CHANGE in {each["url"] for each in ward.get(goal).resource["extension"]}
