"""The rest of the community: people drawn from data/neighbors.yaml, each with a life that holds together."""

# ruff: noqa: E501  (a story's sentences stay whole)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from careloop.care.work import WorkClass
from careloop.fhir.elements import Resource
from careloop.server.demo.assessments import needs_found, score_items, spread
from careloop.server.demo.chart import Chart, be, code_status, enroll, flag, matters, relative, team
from careloop.server.demo.clinical import contact, diagnose, prescribe, press, read
from careloop.server.demo.community import Community, table
from careloop.server.demo.days import Days
from careloop.server.demo.paying import pay
from careloop.server.demo.plans import Need, Step, plan, to_do

PRONOUNS = {"female": "she/her", "male": "he/him"}


def neighbor(community: Community, days: Days, number: int) -> list[Resource]:
    """The number-th person nobody wrote a story for. The same whatever the size of the community."""
    tables = table("neighbors")
    dice = Random(f"{community.seed}:{number}")  # noqa: S311  # a story, not a secret
    site = _weighted(dice, {key: entry["share"] for key, entry in community.tables["sites"].items()})
    lives = [life for life in tables["lives"] if site in life["sites"]]
    life = lives[_weighted_index(dice, [one["share"] for one in lives])]
    lead = dice.choice(tables["leads"][site])
    chart = community.chart(f"neighbor-{number}", days, site, lead, life["program"][0])
    language = _weighted(dice, tables["languages"][site])
    age = dice.randint(*life["age"])
    _herself(community, chart, dice, number, site, life, language, age)
    _covered(community, chart, dice, site, age)
    _health(chart, dice, life)
    _cared_for(community, chart, dice, life, site)
    return chart.resources


def _weighted(dice: Random, shares: Mapping[str, int]) -> str:
    return dice.choices(list(shares), weights=list(shares.values()))[0]


def _weighted_index(dice: Random, shares: Sequence[int]) -> int:
    return dice.choices(range(len(shares)), weights=list(shares))[0]


def _herself(
    community: Community,
    chart: Chart,
    dice: Random,
    number: int,
    site: str,
    life: Mapping[str, Any],
    language: str,
    age: int,
) -> None:
    tables, entry = table("neighbors"), community.site(site)
    gender = dice.choice(("female", "female", "male"))
    given, family = dice.choice(tables["given"][language][gender]), dice.choice(tables["family"][language])
    area = entry["phone"][:5]
    be(
        chart, given, family, gender=gender, birth_date=chart.days.born(age, dice.randint(1, 12), dice.randint(1, 28)),
        mrn=str(100_000 + number), authority=entry["authority"], number=f"{area} 555-01{dice.randint(0, 99):02d}",
        street=f"{dice.randint(100, 9899)} {dice.choice(tables['streets'])}", city=entry["city"], state=entry["state"],
        postal_code=dice.choice(tables["zips"][site]), language=language,
        interpreter=language != "en" and dice.random() < 0.5, pronouns=PRONOUNS[gender] if dice.random() < 0.7 else "",
        reach=dice.choice(tables["reach"]), doctor=community.staff[tables["doctors"][site]].reference,
    )  # fmt: skip
    if life.get("parent"):
        relative(
            chart,
            dice.choice(tables["given"][language]["female"]),
            family,
            relation="MTH",
            said="mother",
            number=f"{area} 555-01{dice.randint(0, 99):02d}",
            is_agent=True,
            language=language,
            gender="female",
        )
    elif life.get("agent") or dice.random() < 0.55:
        relation, said, kind = dice.choice(tables["relations"])
        kind = kind or dice.choice(("female", "male"))
        relative(
            chart,
            dice.choice(tables["given"][language][kind]),
            family,
            relation=relation,
            said=said,
            number=f"{area} 555-01{dice.randint(0, 99):02d}",
            is_agent=bool(life.get("agent")),
            gender=kind,
        )
    if dice.random() < 0.6:
        matters(chart, dice.choice(tables["matters"]), dice.randint(20, 200))
    if "flag" in life:
        flag(chart, life["flag"])
    if "code_status" in life:
        code_status(chart, life["code_status"], dice.randint(10, 60))
    elif age > 64 and dice.random() < 0.6:
        code_status(chart, "Full code", dice.randint(30, 300))


def _covered(community: Community, chart: Chart, dice: Random, site: str, age: int) -> None:
    """By age: Medicare, Advantage or both from 65; Medicaid, a commercial plan or nothing before."""
    medicaid = table("neighbors")["medicaid"][community.site(site)["state"]]
    if age >= 65:
        held: tuple[str, ...] = dice.choice(
            (("medicare",), ("advantage",), ("medicare", medicaid), ("medicare", "commercial"))
        )
    elif age < 19:
        held = (medicaid,)
    else:
        held = dice.choice(((medicaid,), (medicaid,), ("commercial",), ()))
    for order, payer in enumerate(held, 1):
        pay(community, chart, payer, order)


def _health(chart: Chart, dice: Random, life: Mapping[str, Any]) -> None:
    for code, name, years in life["problems"]:
        diagnose(chart, code, name, years * dice.uniform(0.6, 1.4))
    for name, how, rxnorm in life["medicines"]:
        prescribe(chart, name, how, dice.randint(20, 400), rxnorm)
    for what, (low, high) in life.get("readings", {}).items():
        _series(chart, dice, what, low, high)
    if "a1c" in life:
        low, high = life["a1c"]
        for ago in (185, 92):
            read(chart, "a1c", ago, f"{dice.uniform(low, high):.1f}", "09:00", "clinic laboratory")


def _series(chart: Chart, dice: Random, what: str, low: float, high: float) -> None:
    """Four weeks of readings around one level, every third day or so."""
    level = dice.uniform(low + (high - low) * 0.25, high - (high - low) * 0.25)
    reach = (high - low) * (0.02 if what == "weight" else 0.2)
    for ago in range(27, 0, -dice.choice((3, 4, 7))):
        value = min(max(dice.gauss(level, reach), low), high)
        if what == "pressure":
            press(chart, ago, round(value), round(value * 0.57))
        else:
            read(chart, what, ago, f"{value:.1f}" if what == "weight" else str(Decimal(round(value))))


def _cared_for(community: Community, chart: Chart, dice: Random, life: Mapping[str, Any], site: str) -> None:
    tables = table("neighbors")
    since = dice.randint(25, 320)
    program, name = life["program"]
    doctor = community.staff[tables["doctors"][site]]
    if dice.random() < 0.07:  # somebody we have not reached yet
        enroll(chart, program, name, 6, "planned")
        _outreach(chart, dice)
        return
    enroll(chart, program, name, since)
    team(chart, (("Doctor", *doctor.named),))
    if "phq" in life:
        _mood_over_time(chart, dice, life["phq"])
    if "social" in life or dice.random() < 0.2:
        needs_found(chart, life.get("social", ["food"]), dice.randint(20, 120))
    if dice.random() < 0.75:
        _agreed(community, chart, dice, life, min(since, dice.randint(15, 90)))
    _talked(chart, dice)
    for _ in range(dice.choice((0, 0, 1, 1, 2))):
        _something_to_do(chart, dice, life)


def _mood_over_time(chart: Chart, dice: Random, between: Sequence[int]) -> None:
    total = dice.randint(*between)
    for ago in (88, 58, 29):
        score_items(chart, "phq-9", spread(total, 9, 0), ago)
        total = max(2, total - dice.randint(-1, 5))


def _agreed(community: Community, chart: Chart, dice: Random, life: Mapping[str, Any], ago: int) -> None:
    told = life["need"]
    person = (chart.patient, "the person")
    steps = [
        Step(told["step"], person, done=dice.randint(3, ago)) if dice.random() < 0.5 else Step(told["step"], person, due_in=dice.randint(2, 20)),
        Step("Send the plan to the doctor", (chart.lead, chart.lead_name), done=max(1, ago - 2)),
        Step("Look at it together again", (chart.lead, chart.lead_name), due_in=dice.randint(3, 26)),
    ]  # fmt: skip
    code, name, _ = life["problems"][0]
    need = Need(
        told["title"], told["goal"], tuple(steps), told["because"].capitalize(), code=(code, name),
        words=told["words"] if dice.random() < 0.7 else "", target_in=dice.randint(14, 110),
        progress=dice.choice(("in-progress", "improving", "no-progress")), source=life["program"][1],
    )  # fmt: skip
    plan(chart, "Plan agreed together", (need,), ago)


def _talked(chart: Chart, dice: Random) -> None:
    """Calls over the last months; one in seven people has not heard from us for over 30 days."""
    ago = dice.randint(31, 50) if dice.random() < 0.15 else dice.randint(1, 24)
    for turn in range(dice.randint(1, 4)):
        outcome, about, minutes = (
            dice.choice(table("neighbors")["calls"]) if turn else ("reached", "Going well; nothing new", 12)
        )
        contact(
            chart,
            ago,
            f"{dice.randint(9, 16):02d}:{dice.randint(0, 59):02d}",
            outcome,
            about,
            minutes=minutes,
        )
        ago += dice.randint(4, 30)


def _outreach(chart: Chart, dice: Random) -> None:
    tried = tuple(
        contact(chart, ago, f"{dice.randint(9, 17):02d}:15", dice.choice(("no-answer", "left-message")), "First call about the program", minutes=1)
        for ago in (5, 2)
    )  # fmt: skip
    to_do(
        chart, "outreach", "Try again to reach: tell about the program", "two tries, nobody reached yet", WorkClass.ROUTINE,
        due=chart.days.due(dice.randint(0, 3)), attempts=tried, asked=6,
    )  # fmt: skip


def _something_to_do(chart: Chart, dice: Random, life: Mapping[str, Any]) -> None:
    fitting = [todo for todo in table("neighbors")["todo"] if todo[1] != "ask-phq-9" or "phq" in life]
    klass, kind, title, because, source = dice.choice(fitting)
    ahead = dice.choice((-3, -1, 0, 0, 1, 2, 4, 6, 9, 13))
    to_do(
        chart, kind, title, because, WorkClass[klass.upper()], due=chart.days.due(ahead),
        target=chart.days.due(ahead, "17:00"), source=source, asked=dice.randint(3, 9), is_unclaimed=dice.random() < 0.06,
    )  # fmt: skip
