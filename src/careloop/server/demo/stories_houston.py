"""The people Ana and Denise know by heart: Bayview Family Clinic and St. Luke’s Bayside, Houston."""

# ruff: noqa: E501  (a story's sentences stay whole)

from __future__ import annotations

from datetime import timedelta

from careloop.care.transition import bereavement_key
from careloop.care.work import WorkClass
from careloop.fhir.elements import Resource
from careloop.library import load
from careloop.server.demo.assessments import needs_found, score_items, spread
from careloop.server.demo.chart import Chart, be, code_status, enroll, flag, matters, relative, team
from careloop.server.demo.clinical import allergic, contact, diagnose, prescribe, press, read, stay
from careloop.server.demo.community import Community
from careloop.server.demo.days import Days
from careloop.server.demo.door import Referral, being_asked, does_not_fit, first_look
from careloop.server.demo.followed import followed
from careloop.server.demo.paying import pay
from careloop.server.demo.plans import Need, Step, plan, promise, to_do

# Set by Dr. Chen for Maria: what she weighs without water in her legs.
DRY_WEIGHT = ("68.5", "70.5", "set by Dr. Chen")


def houston(community: Community, chart: Chart, **who: object) -> str:
    """A Patient of Bayview with its record number authority and doctor."""
    told: dict[str, object] = {
        "city": "Houston",
        "state": "TX",
        "authority": community.site("bayview")["authority"],
        "doctor": community.staff["chen"].reference,
    }
    return be(chart, **(told | who))  # type: ignore[arg-type]  # keyword table of one call


def maria_duarte(community: Community, days: Days) -> list[Resource]:
    """67, home from the hospital since the last business day; the call is due two business days later."""
    chart = community.chart("maria-duarte", days, "bayview", "ana", "transitions")
    home = days.business_days_ago(1)
    _maria_herself(community, chart, home)
    encounter, needs = _maria_health(community, chart, home)
    _maria_plan(community, chart, home, needs)
    _maria_work(community, chart, home, encounter)
    return chart.resources


def _maria_herself(community: Community, chart: Chart, home: int) -> None:
    houston(
        community, chart, given="Maria", family="Duarte", gender="female", birth_date=chart.days.born(67, 3, 2),
        mrn="80317", number="(713) 555-0148", street="6217 Avenue H", postal_code="77011", language="es",
        interpreter=True, pronouns="she/her", reach="9 to 11 am; let it ring, she walks slowly. Never leave a voicemail.",
    )  # fmt: skip
    relative(
        chart, "Lucía", "Duarte", relation="DAU", said="daughter", number="(713) 555-0149", is_agent=True,
        may_know="May know all but mental health. Works until 3 pm.", language="es", gender="female",
    )  # fmt: skip
    for payer in ("medicare", "medicaid-tx"):
        pay(community, chart, payer, order=1 if payer == "medicare" else 2)
    flag(chart, "No voicemail")
    allergic(chart, "Penicillin", "Hives and swelling of the face")
    matters(chart, "I want to walk to church again by Easter.")
    code_status(chart, "Full code", 103)
    enroll(chart, "transitions", "Transitions", home)
    team(
        chart,
        (
            ("Doctor", *community.named("chen")),
            ("Home health", *community.partner("homehealth")),
            ("Rides", *community.partner("rides")),
        ),
    )


def _maria_health(community: Community, chart: Chart, home: int) -> tuple[str, str]:
    """(the hospital stay, her answers to the social needs questions)"""
    diagnose(chart, "I50.22", "Chronic systolic heart failure", 4)
    diagnose(chart, "I10", "High blood pressure", 15)
    diagnose(chart, "E11.9", "Type 2 diabetes", 9)
    prescribe(chart, "Furosemide 40 mg tablet", "1 tablet twice a day (was once a day)", home, "313988")
    prescribe(chart, "Lisinopril 10 mg tablet", "1 tablet each morning", 380, "314076")
    prescribe(chart, "Metformin 500 mg tablet", "1 tablet with breakfast and dinner", 700, "861007")
    prescribe(
        chart, "Potassium chloride 20 mEq tablet", "1 tablet each morning; new since the hospital", home
    )
    prescribe(
        chart,
        "Ibuprofen 400 mg tablet",
        "Stopped in the hospital: bad for her heart and kidneys",
        400,
        status="stopped",
    )
    for ago, weight in (
        (26, "70.4"),
        (23, "70.1"),
        (20, "69.9"),
        (17, "69.8"),
        (14, "70.2"),
        (11, "70.9"),
        (8, "72.6"),
    ):
        read(chart, "weight", ago, weight, device="home scale", within=DRY_WEIGHT)
    for ago, weight, clock in ((2, "69.3", "07:35"), (1, "70.2", "07:50"), (0, "71.4", "07:42")):
        read(chart, "weight", ago, weight, clock, "home scale", DRY_WEIGHT)
    for ago, systolic, diastolic in ((24, 146, 84), (17, 142, 82), (10, 150, 88), (1, 134, 78)):
        press(chart, ago, systolic, diastolic)
    read(chart, "a1c", 70, "7.4", "09:00", "clinic laboratory")
    score_items(chart, "phq-9", spread(9, 9, 0), 120)
    score_items(chart, "phq-9", spread(6, 9, 0), 48)
    needs = needs_found(chart, ("food", "transport"), 48)
    contact(
        chart,
        48,
        "10:05",
        "reached",
        "Agreed the plan with her and Lucía, at the kitchen table",
        minutes=55,
        channel="home",
    )
    contact(chart, 20, "09:20", "reached", "Weighs each morning; half a block without stopping", minutes=14)
    contact(
        chart,
        home,
        "16:10",
        "reached",
        "At the bedside before she left: new water pill twice a day",
        minutes=12,
    )
    hospital = community.named("stlukes")
    reason = "Heart failure, worse over a week"
    return stay(chart, hospital, home + 4, home, reason, visit="V2260417"), needs


def _maria_plan(community: Community, chart: Chart, home: int, needs: str) -> None:
    maria, ana = (chart.patient, "Maria"), (chart.lead, chart.lead_name)
    breath = Need(
        "Breathing hard when she walks",
        "Walk two blocks without stopping",
        (
            Step("Scale at home, weighs each morning", maria, done=44),
            Step("Home health nurse, twice a week", community.partner("homehealth"), done=30),
            Step("Bring hospital and home pills together", ana, due_in=3),
            Step(
                "Cardiac rehab, first visit",
                community.named("stlukes"),
                due_in=9,
                waiting_on="St. Luke’s Bayside Hospital",
            ),
        ),
        "She stops twice on the stairs and was in the hospital for heart failure",
        code=("I50.22", "Heart failure"),
        words="I stop twice on the stairs",
        target_in=120,
        now="Half a block without stopping",
        barrier="No ride on weekdays; Lucía works until 3",
        source="Heart failure plan, Bayview Family Clinic",
    )
    food = Need(
        "Some weeks there is not enough to eat",
        "Food for the whole month, low in salt",
        (
            Step("Grace Table pantry, low-salt box on Fridays", community.partner("grace"), done=home),
            Step("SNAP application, interview by phone", (chart.patient, "Lucía"), due_in=9),
        ),
        "She answered “often true” to food running out before there was money for more",
        code=("Z59.41", "Food insecurity"),
        words="At the end of the month we eat rice",
        target_in=22,
        is_social=True,
        source="CMS health-related social needs questions",
        evidence=needs,
    )
    plan(chart, "Plan agreed with Maria and Lucía", (breath, food), 48)


def _maria_work(community: Community, chart: Chart, home: int, encounter: str) -> None:
    days = chart.days
    weekday = days.weekday(home)
    call_by = days.calendar.add_business_days(days.ago(home), 2)
    tried = contact(chart, 0, "09:04", "no-answer", "Rang 12 times; no voicemail, as she asked", minutes=2)
    followed(
        chart, encounter, community.named("stlukes")[1], "medicare", asked=home, attempts={"call-after-discharge": tried},
        notes={
            "reconcile-medications": "The water pill was doubled and ibuprofen stopped in the hospital.",
            "visit-after-discharge": "A visit with Dr. Chen is held, Thursday 10:15 am.",
        },
    )  # fmt: skip
    made = f"{weekday} 4:10 pm"
    promise(chart, "Call about the new pills", made, days.due((call_by - days.today).days, "17:00"))
    rides = community.organization_name("rides")
    to_do(
        chart, "ride", "A ride to Dr. Chen, 9:30 am", f"asked {rides}; two other services have room", WorkClass.PROMISE,
        due=days.due(3, "09:30"), waiting_on=rides, wake=days.due(0, "13:00"), asked=1,
    )  # fmt: skip


def andre_lewis(community: Community, days: Days) -> list[Resource]:
    """34; a few minutes ago he answered “several days” to thoughts of death."""
    chart = community.chart("andre-lewis", days, "bayview", "ana", "collaborative-care")
    houston(
        community, chart, given="Andre", family="Lewis", gender="male", birth_date=days.born(34, 6, 19), mrn="81140",
        number="(713) 555-0152", street="3310 Elgin Street", postal_code="77004", pronouns="he/him",
        reach="Text first, then call; drives a bus until 2 pm.",
    )  # fmt: skip
    relative(
        chart,
        "Simone",
        "Lewis",
        relation="SIS",
        said="sister",
        number="(713) 555-0153",
        may_know="May be called in a crisis; nothing else without asking him.",
    )
    pay(community, chart, "commercial")
    matters(chart, "I want to be there when my boy comes on weekends.", 80)
    enroll(chart, "collaborative-care", "Collaborative care", 84)
    team(chart, (("Doctor", *community.named("chen")), ("Psychiatrist", *community.named("osei"))))
    diagnose(chart, "F33.1", "Depression, recurrent, moderate", 3)
    prescribe(chart, "Sertraline 50 mg tablet", "1 tablet each morning", 70, "312941")
    for ago, total in ((84, 17), (56, 14), (28, 11)):
        score_items(chart, "phq-9", spread(total, 9, 0), ago)
    score_items(chart, "gad-7", spread(9, 7), 84)
    contact(chart, 28, "14:20", "reached", "Sleeps better since the dose was raised", minutes=18)
    contact(chart, 12, "14:35", "left-message", "Left my number only", minutes=1)
    asked = days.now - timedelta(minutes=4)
    local = asked.astimezone(days.calendar.tz)
    response = score_items(chart, "phq-9", [2, 2, 3, 2, None, None, None, None, 1], 0, f"{local:%H:%M}")
    steps = (
        Step("Call every two weeks", (chart.lead, chart.lead_name), due_in=2),
        Step("Walk after the early shift, three times a week", (chart.patient, "Andre"), due_in=10),
        Step("Review with Dr. Osei", community.named("osei"), due_in=5),
    )
    low = Need(
        "Low mood since the separation", "Feel like himself at least five days a week", steps, "PHQ-9 of 17 at the start",
        code=("F33.1", "Depression"), words="Everything is heavy", target_in=45, now="PHQ-9 11 four weeks ago",
        source="PHQ-9",
    )  # fmt: skip
    plan(chart, "Plan agreed with Andre", (low,), 80)
    critical = load().instruments["phq-9"].scoring.critical[0]
    to_do(
        chart, f"urgent-{critical.kind}", critical.work.en, critical.because.en.format(answer="Several days"), WorkClass.DANGER,
        due=asked + timedelta(minutes=critical.escalate_after_minutes), source=critical.source, rule=f"escalation@{days.today.year}",
        dedupe=f"urgent:{response}:{critical.id}", reasons=(response,), is_protected=True, asked_at=asked,
        details="Where: on his bus route, break at the Wheeler stop. Call back: (713) 555-0152. Safe now: unsure.",
    )  # fmt: skip
    return chart.resources


def walter_nguyen(community: Community, days: Days) -> list[Resource]:
    """73; his plan denied an MRI, and the packet for the appeal lacks the doctor’s letter."""
    chart = community.chart("walter-nguyen", days, "bayview", "ana", "advocacy")
    houston(
        community, chart, given="Walter", family="Nguyen", gender="male", birth_date=days.born(73, 8, 30), mrn="79902",
        number="(713) 555-0156", street="11210 Bellaire Boulevard", postal_code="77072", language="vi", pronouns="he/him",
        interpreter=True, reach="Afternoons, his wife Hoa translates when no interpreter is free.",
    )  # fmt: skip
    relative(
        chart,
        "Hoa",
        "Nguyen",
        relation="WIFE",
        said="wife",
        number="(713) 555-0157",
        is_agent=True,
        language="vi",
        gender="female",
    )
    pay(community, chart, "advantage")
    matters(chart, "To sit through my granddaughter’s wedding without pain.", 70)
    code_status(chart, "Do not resuscitate; paper at home on the refrigerator", 150)
    enroll(chart, "advocacy", "Coverage and advocacy", 40)
    team(chart, (("Doctor", *community.named("chen")), ("Legal help", *community.partner("legal"))))
    diagnose(chart, "M48.062", "Lumbar spinal stenosis with leg pain on walking", 2)
    diagnose(chart, "I48.91", "Atrial fibrillation", 6)
    prescribe(chart, "Apixaban 5 mg tablet", "1 tablet twice a day", 500)
    prescribe(chart, "Gabapentin 300 mg capsule", "1 capsule at night", 90)
    allergic(chart, "Sulfa medicines", "Rash", "low")
    score_items(chart, "phq-9", spread(7, 9, 0), 40)
    contact(chart, 9, "14:10", "reached", "Explained the denial; he wants to appeal", minutes=24)
    contact(chart, 5, "15:05", "reached", "Four of five papers are here; the letter is missing", minutes=11)
    steps = (
        Step("Denial letter and plan rules in hand", (chart.lead, chart.lead_name), done=8),
        Step("Therapy notes of six weeks", community.named("bayview"), done=5),
        Step("Letter of medical need", community.named("chen"), due_in=1, waiting_on="Dr. Wei Chen"),
    )
    denied = Need(
        "The MRI was denied", "The MRI approved, or the next level filed", steps, "His plan denied the MRI nine days ago",
        code=("M48.062", "Lumbar spinal stenosis"), words="They say I do not need it, but I cannot stand in line", target_in=30,
        source="Denial notice of Beacon Harbor Advantage",
    )  # fmt: skip
    plan(chart, "Appeal plan", (denied,), 9)
    to_do(
        chart, "appeal", "Appeal the MRI denial: doctor’s letter is missing",
        f"you set {days.weekday(2)} for the packet", WorkClass.CLOCK, due=days.due(56), target=days.due(-2, "17:00"),
        source="Medicare Advantage: file within 65 days of the notice; we warn at 60", rule="ma-appeal-filing@2026", asked=9,
    )  # fmt: skip
    return chart.resources


def teresa_molina(community: Community, days: Days) -> list[Resource]:
    """75; the scale went up 2.1 kg in two days: the protocol that is on says so (demo/watching.py)."""
    chart = community.chart("teresa-molina", days, "bayview", "ana", "heart-failure")
    houston(
        community, chart, given="Teresa", family="Molina", gender="female", birth_date=days.born(75, 10, 14), mrn="80988",
        number="(713) 555-0160", street="7420 Harrisburg Boulevard", postal_code="77011", language="es", pronouns="she/her",
        reach="Any time after 8 am; speak slowly, she hears better on the left.",
    )  # fmt: skip
    relative(
        chart,
        "Rubén",
        "Molina",
        relation="SON",
        said="son",
        number="(713) 555-0161",
        may_know="May know everything.",
        gender="male",
    )
    pay(community, chart, "medicare")
    pay(community, chart, "commercial", 2)
    flag(chart, "Hears better on the left side")
    matters(chart, "My garden. I want to plant tomatoes in February.", 66)
    code_status(chart, "Full code", 66)
    enroll(chart, "heart-failure", "Heart failure at home", 66)
    team(chart, (("Doctor", *community.named("chen")),))
    diagnose(chart, "I50.32", "Chronic diastolic heart failure", 5)
    diagnose(chart, "N18.31", "Chronic kidney disease, stage 3a", 4)
    prescribe(chart, "Furosemide 40 mg tablet", "1 tablet each morning", 200, "313988")
    prescribe(chart, "Carvedilol 12.5 mg tablet", "1 tablet twice a day with food", 200)
    weights = (
        "63.2",
        "63.0",
        "63.1",
        "62.8",
        "63.0",
        "62.9",
        "63.3",
        "63.1",
        "63.0",
        "63.2",
        "62.9",
        "63.0",
    )
    for ago, weight in (*zip(range(len(weights) * 2, 0, -2), weights, strict=True), (1, "64.2"), (0, "65.1")):
        read(chart, "weight", ago, weight, "06:55", "home scale", ("62", "64", "set by Dr. Chen"))
    for ago, pressures in zip((25, 18, 11, 4), ((138, 72), (136, 74), (132, 70), (140, 76)), strict=True):
        press(chart, ago, *pressures)
    contact(chart, 15, "09:10", "reached", "Feels well; teach-back on salt was right", minutes=16)
    steps = (
        Step("Weigh each morning, before breakfast", (chart.patient, "Teresa"), done=60),
        Step("Read labels: under 2 g of salt a day", (chart.patient, "Teresa"), due_in=12),
        Step("Kidney blood test", community.named("bayview"), due_in=6),
    )
    fluid = Need(
        "Water comes back into her legs and lungs", "No hospital night until spring", steps,
        "Two stays for heart failure last winter", code=("I50.32", "Heart failure"), words="My shoes get tight",
        target_in=100, now="None since February", progress="improving", source="Heart failure protocol, approved by Dr. Chen",
    )  # fmt: skip
    plan(chart, "Heart failure plan", (fluid,), 64)
    power = Referral(
        "community-support", "Community support", "Sister Angela, Grace Table Pantry",
        "The power is to be cut on Wednesday; two bills behind", "(713) 555-0181",
        (0, "08:20"), is_urgent=True,
    )  # fmt: skip
    first_look(chart, power)
    return chart.resources


def haddad_household(community: Community, days: Days) -> list[Resource]:
    """Samira, 41, and two children; the food card interview is tomorrow at 10."""
    chart = community.chart("samira-haddad", days, "bayview", "ana", "community-support")
    houston(
        community, chart, given="Samira", family="Haddad", gender="female", birth_date=days.born(41, 1, 27), mrn="82231",
        number="(713) 555-0164", street="5902 Hillcroft Street", postal_code="77036", language="ar", pronouns="she/her",
        reach="After 1:30 pm, when the children are in school; texts are fine.",
    )  # fmt: skip
    for child, gender in (("Omar", "male"), ("Layla", "female")):
        relative(chart, child, "Haddad", relation="CHILD", said="child at home", gender=gender)
    pay(community, chart, "medicaid-tx")
    matters(chart, "That the children do not notice when money is short.", 30)
    enroll(chart, "community-support", "Community support", 32)
    team(
        chart,
        (("Community health worker", *community.named("marcus")), ("Food", *community.partner("grace"))),
    )
    diagnose(chart, "E03.9", "Underactive thyroid", 3)
    prescribe(chart, "Levothyroxine 50 mcg tablet", "1 tablet on an empty stomach", 300)
    found = needs_found(chart, ("food", "utilities"), 31)
    contact(chart, 31, "13:40", "reached", "Told us about the end of the month", minutes=35, channel="office")
    contact(chart, 4, "13:50", "reached", "Papers for the food card are complete", minutes=15)
    steps = (
        Step("Papers for SNAP collected", (chart.lead, chart.lead_name), done=4),
        Step("SNAP interview by phone, 10 am", (chart.patient, "Samira"), due_in=1),
        Step("Summer bill: ask for a payment plan", community.named("marcus"), due_in=8),
    )
    food = Need(
        "Food runs out before the money comes", "A food card, and a full refrigerator on the 25th", steps,
        "She answered “often true” to food running out", code=("Z59.41", "Food insecurity"),
        words="I say I already ate", target_in=20, is_social=True, source="CMS health-related social needs questions",
        evidence=found,
    )  # fmt: skip
    plan(chart, "Plan agreed with Samira", (food,), 30)
    promise(
        chart,
        "You said you would call about the food card",
        f"{days.weekday(4)}; the SNAP interview is tomorrow 10 am",
        days.due(0, "14:00"),
    )
    return chart.resources


def dolores_rivera(community: Community, days: Days, which: int) -> list[Resource]:
    """Two women of one name, born in one month of one year: the hospital’s message fits both."""
    chart = community.chart(f"dolores-rivera-{which}", days, "bayview", "ana" if which == 1 else "lan")
    houston(
        community, chart, given="Dolores", family="Rivera", gender="female",
        birth_date=days.born(71, 4, 12 if which == 1 else 21), mrn="78455" if which == 1 else "78544",
        number=f"(713) 555-01{70 + which}", street="1405 Sampson Street" if which == 1 else "1450 Sampson Street",
        postal_code="77003", language="es" if which == 1 else "en", pronouns="she/her",
    )  # fmt: skip
    pay(community, chart, "medicare")
    enroll(chart, "chronic-care", "Chronic care", 200)
    team(chart, (("Doctor", *community.named("chen")),))
    diagnose(chart, *(("J44.9", "COPD") if which == 1 else ("E11.9", "Type 2 diabetes")), 8)
    contact(chart, 17 + which, "11:15", "reached", "Monthly call; nothing new", minutes=13)
    if which == 1:
        legs = Referral(
            "heart-failure", "Heart failure at home", "Third Coast Dialysis Center",
            "Swollen legs; they thought of heart failure", "(713) 555-0189", (6, "14:20"), "fax",
        )  # fmt: skip
        does_not_fit(
            chart,
            legs,
            (3, "11:30"),
            "Her echo of this year is normal; Dr. Chen looks at the legs on Thursday",
        )
    return chart.resources


def earl_washington(community: Community, days: Days) -> list[Resource]:
    """58; has not heard from us, or we from him, in 41 days."""
    chart = community.chart("earl-washington", days, "bayview", "ana", "chronic-care")
    houston(
        community, chart, given="Earl", family="Washington", gender="male", birth_date=days.born(58, 11, 3), mrn="77610",
        number="(713) 555-0168", street="2718 Lyons Avenue", postal_code="77020", pronouns="he/him",
        reach="His phone is often off; the barber on Lyons Avenue takes messages.",
    )  # fmt: skip
    pay(community, chart, "medicaid-tx")
    flag(chart, "Dog in the yard, ask before a visit")
    matters(chart, "Breathe well enough to sing in the choir.", 160)
    enroll(chart, "chronic-care", "Chronic care", 190)
    team(chart, (("Doctor", *community.named("chen")),))
    diagnose(chart, "J44.9", "COPD", 7)
    diagnose(chart, "F17.210", "Smokes cigarettes", 30)
    prescribe(chart, "Tiotropium inhaler", "2 puffs once a day", 190)
    contact(chart, 41, "10:45", "reached", "Out of his inhaler for a week; refilled", minutes=17)
    first = contact(chart, 12, "10:20", "no-answer", "Phone off", minutes=1)
    second = contact(chart, 5, "16:40", "left-message", "With the barber", minutes=3)
    to_do(
        chart, "check-in", "Find out how he is", "41 days without a word", WorkClass.SILENCE, due=days.due(-1), target=days.due(-1, "17:00"),
        attempts=(first, second), source="Chronic care: a contact every 30 days", asked=11,
    )  # fmt: skip
    food = Referral(
        "community-support", "Community support", "Dr. Wei Chen", "Skips his inhaler to pay for food",
        "(713) 555-0114", (4, "10:40"),
    )  # fmt: skip
    tried = contact(chart, 3, "16:05", "no-answer", "Phone off", minutes=1)
    being_asked(chart, food, (3, "09:10"), tried)
    return chart.resources


def frank_delgado(community: Community, days: Days) -> list[Resource]:
    """79; died in the hospital. All outreach stopped; one call to his wife remains."""
    chart = community.chart("frank-delgado", days, "stlukes", "denise", "transitions")
    hospital = community.site("stlukes")
    be(
        chart, "Frank", "Delgado", gender="male", birth_date=days.born(79, 5, 8), mrn="41077",
        authority=hospital["authority"], number="(713) 555-0173", street="908 Cage Street", city="Houston", state="TX",
        postal_code="77020", pronouns="he/him",
    )  # fmt: skip
    chart.resources[0]["deceasedDateTime"] = days.said(4, "03:10")
    relative(
        chart,
        "Irene",
        "Delgado",
        relation="WIFE",
        said="wife",
        number="(713) 555-0174",
        may_know="Everything.",
        gender="female",
    )
    pay(community, chart, "medicare")
    enroll(chart, "transitions", "Transitions", 20, "finished", 4)
    team(chart)
    diagnose(chart, "C34.90", "Lung cancer", 1)
    encounter = stay(
        chart, community.named("stlukes"), 9, 4, "Pneumonia", visit="V2259981", disposition="20", left="03:10"
    )
    to_do(
        chart, "bereavement", "Bereavement contact with the family", f"Died {days.weekday(4)} at St. Luke’s; call Irene, his wife. All other outreach stopped",
        WorkClass.ROUTINE, due=days.due(1), target=days.due(1, "17:00"), reasons=(encounter,), asked=3, dedupe=bereavement_key(chart.patient),
    )  # fmt: skip
    return chart.resources


def ruth_okoye(community: Community, days: Days) -> list[Resource]:
    """82; in the hospital since the night before last, going to skilled nursing after a broken hip."""
    chart = community.chart("ruth-okoye", days, "stlukes", "denise", "transitions")
    be(
        chart, "Ruth", "Okoye", gender="female", birth_date=days.born(82, 2, 11), mrn="41552",
        authority=community.site("stlukes")["authority"], number="(713) 555-0176", street="4415 Griggs Road",
        city="Houston", state="TX", postal_code="77021", pronouns="she/her", reach="Room 512; family meets at 4 pm.",
    )  # fmt: skip
    relative(
        chart,
        "Chidi",
        "Okoye",
        relation="SON",
        said="son",
        number="(713) 555-0177",
        is_agent=True,
        gender="male",
    )
    pay(community, chart, "advantage")
    flag(chart, "Falls")
    matters(chart, "Go home to my own bed, not to a home.", 1)
    enroll(chart, "transitions", "Transitions", 1)
    team(chart, (("Hospitalist", *community.named("tran")),))
    diagnose(chart, "S72.001A", "Broken hip, right", 0.01)
    diagnose(chart, "M81.0", "Osteoporosis", 10)
    allergic(chart, "Codeine", "Confusion", "low")
    encounter = stay(chart, community.named("stlukes"), 2, None, "Broken hip after a fall", visit="V2260533")
    to_do(
        chart, "auth-follow-up", "Skilled nursing: ask the plan for its answer", "the request was sent yesterday as expedited",
        WorkClass.CLOCK, due=days.due(1), target=days.due(1, "12:00"), waiting_on="Beacon Harbor Advantage (HMO)",
        source="Prior authorization, 2026: 72 hours when expedited", rule="prior-auth-expedited@2026", reasons=(encounter,),
    )  # fmt: skip
    promise(
        chart,
        "Be at the family meeting with the list of homes",
        f"{days.weekday(1)} 5:30 pm",
        days.due(0, "16:00"),
    )
    return chart.resources


STORIES = (
    maria_duarte,
    andre_lewis,
    walter_nguyen,
    teresa_molina,
    haddad_household,
    lambda community, days: dolores_rivera(community, days, 1),
    lambda community, days: dolores_rivera(community, days, 2),
    earl_washington,
    frank_delgado,
    ruth_okoye,
)
