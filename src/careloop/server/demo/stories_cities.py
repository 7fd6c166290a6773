"""People in New York, Los Angeles, Chicago and Philadelphia whom their coordinators know by heart."""

# ruff: noqa: E501  (a story's sentences stay whole)

from __future__ import annotations

from careloop.care.work import WorkClass
from careloop.fhir.elements import Resource
from careloop.server.demo.assessments import needs_found, score_items, spread
from careloop.server.demo.chart import be, code_status, enroll, flag, matters, relative, team
from careloop.server.demo.clinical import allergic, contact, diagnose, prescribe, press, read, stay
from careloop.server.demo.community import Community
from careloop.server.demo.days import Days
from careloop.server.demo.followed import followed
from careloop.server.demo.paying import pay
from careloop.server.demo.plans import Need, Step, plan, promise, to_do


def marie_claire_joseph(community: Community, days: Days) -> list[Resource]:
    """52, the Bronx; two jobs, no insurance until Medicaid answers."""
    chart = community.chart("marie-claire-joseph", days, "harbor", "joelle", "community-support")
    be(
        chart, "Marie-Claire", "Joseph", gender="female", birth_date=chart.days.born(52, 9, 5), mrn="20417",
        authority=community.site("harbor")["authority"], number="(718) 555-0133", street="1212 Grand Concourse",
        city="Bronx", state="NY", postal_code="10456", language="ht", interpreter=True, pronouns="she/her",
        reach="Between jobs, 3 to 4 pm.", doctor=community.staff["pierre"].reference,
    )  # fmt: skip
    relative(
        chart, "Widline", "Joseph", relation="CHILD", said="daughter, 15, lives with her", gender="female"
    )
    matters(chart, "A key to my own door.", 25)
    enroll(chart, "community-support", "Community support", 26)
    team(chart, (("Doctor", *community.named("pierre")), ("Food", *community.partner("bronxfood"))))
    diagnose(chart, "I10", "High blood pressure", 2)
    prescribe(chart, "Amlodipine 5 mg tablet", "1 tablet each day", 60, "197361")
    for ago, systolic, diastolic in ((24, 158, 96), (17, 152, 94), (10, 149, 92), (3, 151, 93)):
        press(chart, ago, systolic, diastolic, "15:20")
    found = needs_found(chart, ("housing", "food"), 26)
    score_items(chart, "phq-9", spread(8, 9, 0), 26)
    contact(chart, 26, "15:10", "reached", "Sleeps at her cousin’s; two jobs", minutes=40, channel="office")
    contact(chart, 6, "15:25", "reached", "Brought the lease letter", minutes=12)
    home = Need(
        "She and her daughter sleep on a cousin’s couch", "A lease in her own name",
        (
            Step("Lease letter and pay stubs collected", (chart.lead, chart.lead_name), done=6),
            Step("Housing application filed", (chart.lead, chart.lead_name), due_in=4),
            Step("School stays the same", (chart.lead, chart.lead_name), due_in=9),
        ),
        "She answered that she has no steady place to sleep", code=("Z59.811", "Housing instability"),
        words="My daughter does her homework on the train", target_in=75, is_social=True, evidence=found,
        barrier="No bank account for the deposit", source="CMS health-related social needs questions",
    )  # fmt: skip
    plan(chart, "Plan agreed with Marie-Claire", (home,), 24)
    to_do(
        chart, "benefit-follow-up", "Ask where the Medicaid application stands", "filed 31 days ago; an answer is due by day 45",
        WorkClass.CLOCK, due=chart.days.due(14), target=chart.days.due(0, "15:00"), source="Medicaid: 45 days for a decision",
        waiting_on="New York Medicaid", asked=3,
    )  # fmt: skip
    promise(
        chart,
        "Find an interpreter for the clinic visit",
        f"{chart.days.weekday(6)} 3:30 pm",
        chart.days.due(-1, "17:00"),
    )
    return chart.resources


def rosa_gutierrez(community: Community, days: Days) -> list[Resource]:
    """29, Los Angeles; a baby of five weeks and nights without sleep."""
    chart = community.chart("rosa-gutierrez", days, "manos", "luis", "new-parents")
    be(
        chart, "Rosa", "Gutiérrez", gender="female", birth_date=chart.days.born(29, 12, 1), mrn="30877",
        authority=community.site("manos")["authority"], number="(323) 555-0143", street="2711 Folsom Street",
        city="Los Angeles", state="CA", postal_code="90033", language="es", pronouns="she/her",
        reach="Texts in Spanish; calls after 10 am.", doctor=community.staff["alvarez"].reference,
    )  # fmt: skip
    relative(chart, "Mateo", "Gutiérrez", relation="CHILD", said="son, five weeks", gender="male")
    relative(
        chart,
        "Elvira",
        "Gutiérrez",
        relation="MTH",
        said="mother",
        number="(323) 555-0144",
        language="es",
        gender="female",
    )
    pay(community, chart, "medicaid-ca")
    matters(chart, "Que mi hijo me vea contenta. (That my son sees me happy.)", 20)
    enroll(chart, "new-parents", "New parents", 36)
    team(chart, (("Doctor", *community.named("alvarez")),))
    diagnose(chart, "O24.430", "Diabetes in pregnancy, controlled by diet", 0.3)
    score_items(chart, "phq-9", spread(6, 9, 0), 33)
    score_items(chart, "phq-9", spread(12, 9, 0), 12)
    score_items(chart, "gad-7", spread(8, 7), 12)
    contact(
        chart,
        12,
        "10:40",
        "reached",
        "Cries in the afternoons; her mother comes on Sundays",
        minutes=32,
        channel="home",
    )
    low = Need(
        "Sad and tired since the birth", "Sleep four hours in one piece, three nights a week",
        (
            Step("Elvira takes the baby on two nights", (chart.patient, "Rosa"), done=7),
            Step("Talk with Dr. Alvarez about the score", community.named("alvarez"), due_in=2),
            Step("Spanish-speaking mothers’ group, Tuesdays", (chart.patient, "Rosa"), due_in=8),
        ),
        "PHQ-9 went from 6 to 12 in three weeks", words="I love him and I cannot stop crying", target_in=30,
        source="PHQ-9", progress="no-progress",
    )  # fmt: skip
    plan(chart, "Plan agreed with Rosa", (low,), 11)
    to_do(
        chart, "assessment-due", "PHQ-9 again with Rosa", "12 two weeks ago; again after two weeks", WorkClass.CLOCK,
        due=chart.days.due(0), target=chart.days.due(0, "17:00"), source="Depression protocol: every two weeks while 10 or more",
    )  # fmt: skip
    return chart.resources


def javier_mendoza(community: Community, days: Days) -> list[Resource]:
    """47, Los Angeles; insulin and no refrigerator."""
    chart = community.chart("javier-mendoza", days, "manos", "luis", "community-support")
    be(
        chart, "Javier", "Mendoza", gender="male", birth_date=chart.days.born(47, 3, 22), mrn="30912",
        authority=community.site("manos")["authority"], number="(323) 555-0146", street="General delivery, 1st and Soto",
        city="Los Angeles", state="CA", postal_code="90033", language="es", pronouns="he/him",
        reach="At the Tuesday breakfast on Soto Street; his phone is charged there.", doctor=community.staff["alvarez"].reference,
    )  # fmt: skip
    pay(community, chart, "medicaid-ca")
    flag(chart, "Sleeps outdoors; meet at the breakfast, not in the tent")
    matters(chart, "Keep my foot. And my dog stays with me.", 44)
    enroll(chart, "community-support", "Community support", 45)
    team(chart, (("Housing", *community.partner("housing")),))
    diagnose(chart, "E11.621", "Type 2 diabetes with a foot ulcer", 6)
    diagnose(chart, "Z59.02", "Unsheltered homelessness", 2)
    prescribe(chart, "Insulin glargine pen", "20 units at bedtime", 80)
    for ago, sugar in ((21, "284"), (14, "251"), (7, "263")):
        read(chart, "glucose", ago, sugar, "08:10", "at the breakfast")
    found = needs_found(chart, ("housing", "food", "transport"), 45)
    contact(
        chart,
        7,
        "08:15",
        "reached",
        "Wound is cleaner; insulin kept at the center",
        minutes=22,
        channel="home",
    )
    roof = Need(
        "No roof and no refrigerator for insulin", "Indoors before the rains, with the dog",
        (
            Step("Insulin kept at the center’s refrigerator", (chart.lead, chart.lead_name), done=40),
            Step("Vulnerability interview", community.partner("housing"), done=21),
            Step("A room that takes dogs", community.partner("housing"), due_in=-3, waiting_on="Boyle Heights Housing Navigators"),
        ),
        "He answered that he has no place to live", code=("Z59.02", "Unsheltered homelessness"), words="A dog is family",
        target_in=25, is_social=True, evidence=found, barrier="Most rooms take no dogs", source="CMS health-related social needs questions",
    )  # fmt: skip
    plan(chart, "Plan agreed with Javier", (roof,), 43)
    to_do(
        chart, "referral-follow-up", "Ask the housing navigators about a room that takes dogs", "referred 21 days ago, no answer in 10 days",
        WorkClass.SILENCE, due=chart.days.due(-2), target=chart.days.due(-2, "17:00"), waiting_on="Boyle Heights Housing Navigators", asked=10,
    )  # fmt: skip
    promise(
        chart,
        "Bring dry socks and the foot clinic’s card on Tuesday",
        f"{chart.days.weekday(7)} 8:30 am",
        chart.days.due(1, "08:30"),
    )
    return chart.resources


def minji_park(community: Community, days: Days) -> list[Resource]:
    """23, Los Angeles; collaborative care for depression and panic, getting better."""
    chart = community.chart("minji-park", days, "sunrise", "grace", "collaborative-care")
    be(
        chart, "Minji", "Park", gender="female", birth_date=chart.days.born(23, 7, 7), mrn="50233",
        authority=community.site("sunrise")["authority"], number="(213) 555-0153", street="3020 Wilshire Boulevard",
        city="Los Angeles", state="CA", postal_code="90010", language="ko", pronouns="they/them", calls="MJ",
        reach="Video or text; never the family’s landline.", doctor=community.staff["whitfield"].reference,
    )  # fmt: skip
    pay(community, chart, "commercial")
    flag(chart, "Do not call the home; parents do not know", "safety")
    matters(chart, "Finish my degree. Sleep without the light on.", 90)
    enroll(chart, "collaborative-care", "Collaborative care", 98)
    team(chart, (("Psychiatrist", *community.named("osei")), ("Prescriber", *community.named("whitfield"))))
    diagnose(chart, "F32.1", "Depression, single episode, moderate", 0.5)
    diagnose(chart, "F41.0", "Panic disorder", 1)
    prescribe(chart, "Escitalopram 10 mg tablet", "1 tablet each evening", 85)
    for ago, total in ((98, 18), (70, 13), (42, 9), (14, 7)):
        score_items(chart, "phq-9", spread(total, 9, 1 if ago == 98 else 0), ago, "16:30")
    for ago, total in ((98, 16), (42, 11), (14, 8)):
        score_items(chart, "gad-7", spread(total, 7), ago, "16:40")
    contact(chart, 14, "16:30", "reached", "Two panic attacks instead of eight", minutes=34, channel="video")
    calm = Need(
        "Panic on the bus", "Ride the bus to class twice a week",
        (
            Step("Breathing practice learned, shown back", (chart.patient, "Minji"), done=60),
            Step("One stop with a friend", (chart.patient, "Minji"), done=20),
            Step("Three stops alone", (chart.patient, "Minji"), due_in=6),
            Step("Case review with Dr. Osei", community.named("osei"), due_in=3),
        ),
        "GAD-7 of 16 at the start", code=("F41.0", "Panic disorder"), words="My chest closes at the second stop", target_in=20,
        progress="improving", source="GAD-7",
    )  # fmt: skip
    plan(chart, "Plan agreed with Minji", (calm,), 95)
    to_do(
        chart, "case-review", "Prepare Minji’s case for Dr. Osei", "weekly case review; PHQ-9 fell by half", WorkClass.ROUTINE,
        due=chart.days.due(2), target=chart.days.due(2, "12:00"), source="Collaborative care",
    )  # fmt: skip
    return chart.resources


def stanislaw_kowalski(community: Community, days: Days) -> list[Resource]:
    """84, Chicago; came to the nursing home yesterday, and his baseline plan is due within 48 hours."""
    chart = community.chart("stanislaw-kowalski", days, "lakeshore", "patricia", "long-term-care")
    be(
        chart, "Stanisław", "Kowalski", gender="male", birth_date=chart.days.born(84, 5, 3), mrn="60118",
        authority=community.site("lakeshore")["authority"], number="(773) 555-0163", street="4920 North Kenmore Avenue, room 14",
        city="Chicago", state="IL", postal_code="60640", language="pl", interpreter=True, pronouns="he/him",
        reach="Mornings; he tires after lunch.", doctor=community.staff["okafor"].reference,
    )  # fmt: skip
    relative(
        chart,
        "Halina",
        "Kowalski",
        relation="DAU",
        said="daughter",
        number="(773) 555-0164",
        is_agent=True,
        may_know="Everything; call her for decisions.",
        gender="female",
    )
    pay(community, chart, "medicare")
    pay(community, chart, "medicaid-il", 2)
    flag(chart, "Falls")
    flag(chart, "Wanders at dusk")
    allergic(chart, "Latex", "Skin blisters")
    matters(chart, "Coffee at six, the Polish mass on the radio on Sundays.", 1)
    code_status(chart, "Do not resuscitate, POLST signed", 1)
    enroll(chart, "long-term-care", "Long-term care", 1)
    team(chart, (("Doctor", *community.named("okafor")), ("Day center", *community.partner("adult-day"))))
    diagnose(chart, "G30.1", "Alzheimer’s disease, late onset", 4)
    diagnose(chart, "F02.B0", "Dementia, moderate", 3)
    prescribe(chart, "Donepezil 10 mg tablet", "1 tablet at bedtime", 700)
    contact(
        chart,
        1,
        "14:40",
        "reached",
        "Welcomed him and Halina; six o’clock coffee noted",
        minutes=45,
        channel="office",
    )
    to_do(
        chart, "baseline-plan", "Baseline care plan with Halina", "he came yesterday; due within 48 hours of admission", WorkClass.CLOCK,
        due=chart.days.due(1, "14:00"), target=chart.days.due(0, "17:00"), rule="ltc-baseline-plan@2026", source="42 CFR 483.21: baseline care plan within 48 hours",
    )  # fmt: skip
    promise(
        chart, "Find the radio frequency of the Polish mass", "yesterday 3 pm", chart.days.due(0, "17:00")
    )
    return chart.resources


def dorothy_hughes(community: Community, days: Days) -> list[Resource]:
    """81, Philadelphia; hospice at home, and her husband is worn out."""
    chart = community.chart("dorothy-hughes", days, "evening", "samuel", "hospice")
    be(
        chart, "Dorothy", "Hughes", gender="female", birth_date=chart.days.born(81, 8, 17), mrn="70061",
        authority=community.site("evening")["authority"], number="(215) 555-0173", street="5015 Osage Avenue",
        city="Philadelphia", state="PA", postal_code="19143", pronouns="she/her", calls="Dot",
        reach="Call Harold first; she sleeps until ten.", doctor=community.staff["rossi"].reference,
    )  # fmt: skip
    relative(
        chart,
        "Harold",
        "Hughes",
        relation="HUSB",
        said="husband, 83, cares for her",
        number="(215) 555-0174",
        is_agent=True,
        may_know="Everything.",
        gender="male",
    )
    pay(community, chart, "medicare")
    flag(chart, "Oxygen in the home, no open flame")
    allergic(chart, "Morphine", "Itching; hydromorphone is well tolerated", "low")
    matters(chart, "To die in this room, with the window open.", 18)
    code_status(chart, "Do not resuscitate, comfort only", 18)
    enroll(chart, "hospice", "Hospice at home", 19)
    team(chart, (("Doctor", *community.named("rossi")), ("Respite", *community.partner("respite"))))
    diagnose(chart, "C50.919", "Breast cancer, spread to bone", 3)
    prescribe(chart, "Hydromorphone 2 mg tablet", "1 tablet every 4 hours when it hurts", 10)
    contact(chart, 2, "11:00", "reached", "Pain 3 of 10; Harold has not slept", minutes=50, channel="home")
    rest = Need(
        "Harold is worn out", "Harold sleeps two nights a week",
        (
            Step("Respite hours asked for", (chart.lead, chart.lead_name), done=2),
            Step("Night volunteer, twice a week", community.partner("respite"), due_in=3, waiting_on="Cobbs Creek Caregiver Respite"),
        ),
        "He said he has not slept since Thursday", code=("Z63.6", "Dependent relative needing care at home"),
        words="I don’t want her to wake up alone", target_in=10, is_social=True, source="Caregiver talk at the home visit",
    )  # fmt: skip
    plan(chart, "Comfort plan", (rest,), 17)
    to_do(
        chart, "idt-review", "Team review of Dorothy’s plan", "the last was 13 days ago; at least every 15 days", WorkClass.CLOCK,
        due=chart.days.due(2), target=chart.days.due(2, "15:00"), rule="hospice-review@2026", source="Hospice: interdisciplinary review at least every 15 days",
    )  # fmt: skip
    promise(
        chart,
        "Tell Harold who comes on Wednesday night",
        f"{chart.days.weekday(2)} 11:50 am",
        chart.days.due(1, "12:00"),
    )
    return chart.resources


def curtis_bell(community: Community, days: Days) -> list[Resource]:
    """66, the Bronx; home from the emergency room last night, with nobody at home."""
    chart = community.chart("curtis-bell", days, "harbor", "joelle", "community-support")
    be(
        chart, "Curtis", "Bell", gender="male", birth_date=chart.days.born(66, 4, 2), mrn="20533",
        authority=community.site("harbor")["authority"], number="(718) 555-0136", street="955 Walton Avenue", city="Bronx",
        state="NY", postal_code="10452", pronouns="he/him", doctor=community.staff["pierre"].reference,
    )  # fmt: skip
    pay(community, chart, "medicare")
    pay(community, chart, "medicaid-ny", 2)
    matters(chart, "Keep driving my own car.", 140)
    enroll(chart, "community-support", "Community support", 150)
    team(chart, (("Doctor", *community.named("pierre")),))
    diagnose(chart, "J45.41", "Asthma, moderate, with an attack", 20)
    prescribe(chart, "Albuterol inhaler", "2 puffs when short of breath", 150)
    encounter = stay(
        chart,
        community.named("stlukes"),
        1,
        1,
        "Asthma attack",
        visit="V2260601",
        kind="EMER",
        came="19:40",
        left="23:15",
    )
    followed(chart, encounter, community.named("stlukes")[1], "medicare", asked=0, is_unclaimed=True)
    return chart.resources


STORIES = (
    marie_claire_joseph,
    rosa_gutierrez,
    javier_mendoza,
    minji_park,
    stanislaw_kowalski,
    dorothy_hughes,
    curtis_bell,
)
