"""Everybody who may ask, and what each may see, written down by hand: the policy is held against this, not against
itself.

people: whose record, of `own` (cared for at North, in the program alpha, led by Lea), `foreign` (at South) and
`refused` (at North, and she said no to North). types: of a record. labels: what of it she sees without being asked.
directory, unnamed: whether she reads what belongs to nobody. shared: of a person, where that is less than types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from careloop.access import Actor, SmartScope, kinds
from careloop.access.policy import STAFF_ROLES
from careloop.access.shares import SHARES

OWN, FOREIGN, REFUSED = "own", "foreign", "refused"
PEOPLE = (OWN, FOREIGN, REFUSED)
# Label of the canary to the security label code that it carries.
LABELS = {
    "parttwo": "42CFRPart2",
    "substanceuse": "ETH",
    "mentalhealthnotes": "PSY",
    "reproductivehealth": "PREGNANT",
    "hiv": "HIV",
    "safetyaddress": "LOCIS",
    "violence": "SDV",
    "unknown": "NOBODYKNOWSTHIS",
}
CARE = frozenset({"substanceuse", "reproductivehealth", "hiv", "safetyaddress", "violence"})
HERS = frozenset({"parttwo", "substanceuse", "reproductivehealth", "hiv", "safetyaddress"})
ALL_BUT_CONSENT = frozenset(LABELS) - {"parttwo", "unknown"}
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Member:
    """actor: made from the rids of the world."""

    name: str
    actor: Callable[[Mapping[str, int]], Actor | None]
    people: frozenset[str]
    types: frozenset[str]
    labels: frozenset[str] = NOTHING
    directory: bool = True
    unnamed: bool = False
    shared: frozenset[str] | None = None

    def may_see(self, person: str, type: str, label: str) -> bool:
        if person == "":
            return type in self.types and (self.directory if type not in kinds.PERSONAL else self.unnamed)
        if person not in self.people or type not in (self.types if self.shared is None else self.shared):
            return False
        return not label or label in self.labels


def staff(role: str, **more: object) -> Callable[[Mapping[str, int]], Actor]:
    def actor(rid: Mapping[str, int]) -> Actor:
        made = Actor(
            principal=100,
            kind="staff",
            name=role,
            roles=frozenset({role}),
            sites=frozenset({rid["north"]}),
            programs=frozenset({"alpha"}),
            practitioner="Practitioner/none",
        )
        return replace(
            made, **{name: value(rid) if callable(value) else value for name, value in more.items()}
        )

    return actor


def own(rid: Mapping[str, int]) -> frozenset[int]:
    return frozenset({rid[OWN]})


NOBODY_NAMED: frozenset[int] = frozenset()
AT_NORTH = frozenset({OWN})
_BILLED = kinds.BILLING | kinds.DIRECTORY
_CARE_ROLES = ("coordinator", "supervisor", "clinician", "social-worker", "ltc-nurse", "therapist")

STAFF: tuple[Member, ...] = (
    *(Member(role, staff(role), AT_NORTH, kinds.EVERYTHING, CARE) for role in _CARE_ROLES),
    Member("bh-clinician", staff("bh-clinician"), AT_NORTH, kinds.EVERYTHING, CARE | {"mentalhealthnotes"}),
    Member("advocacy", staff("advocacy"), AT_NORTH, kinds.ADVOCACY | kinds.DIRECTORY),
    Member(
        "payer-manager",
        staff("payer-manager"),
        AT_NORTH,
        kinds.ADVOCACY | {"CarePlan", "Goal"} | kinds.DIRECTORY,
    ),
    Member("payer-reviewer", staff("payer-reviewer"), AT_NORTH, kinds.REVIEW | kinds.DIRECTORY),
    Member("volunteer", staff("volunteer", people=own), AT_NORTH, kinds.ERRANDS),
    Member("ombudsman", staff("ombudsman", people=own), AT_NORTH, kinds.RESIDENTS),
    Member("biller", staff("biller"), AT_NORTH, _BILLED),
    Member("administrator", staff("administrator"), NOTHING, kinds.DIRECTORY),
    Member("auditor", staff("auditor"), AT_NORTH, frozenset({"Patient"})),
    Member(
        "privacy-officer",
        staff("privacy-officer"),
        AT_NORTH,
        frozenset({"Patient", "Consent", "RelatedPerson", "Task", "Provenance"}) | kinds.DIRECTORY,
    ),
)

# The same roles where something is different about the person, not about the role.
PLIGHTS: tuple[Member, ...] = (
    Member(
        "coordinator without a site",
        staff("coordinator", sites=NOBODY_NAMED, programs=frozenset[str]()),
        NOTHING,
        NOTHING,
    ),
    Member(
        "volunteer without a task",
        staff("volunteer"),
        NOTHING,
        NOTHING,
    ),
    Member(
        "who leads her from South",
        staff(
            "coordinator", sites=NOBODY_NAMED, programs=frozenset[str](), practitioner_rid=lambda r: r["lea"]
        ),
        AT_NORTH,
        kinds.EVERYTHING,
        CARE,
    ),
    Member(
        "who covers for Lea",
        staff(
            "coordinator",
            sites=NOBODY_NAMED,
            programs=frozenset[str](),
            covered=lambda r: frozenset({r["lea"]}),
        ),
        AT_NORTH,
        kinds.EVERYTHING,
        CARE,
    ),
    Member(
        "her sister at North",
        staff("coordinator", denied=own),
        NOTHING,
        kinds.EVERYTHING,
    ),
    Member(
        "emergency at South's",
        staff("clinician", emergencies=lambda r: frozenset({r[FOREIGN]})),
        frozenset({OWN, FOREIGN}),
        kinds.EVERYTHING,
        CARE,
    ),
)


def person(*shares: tuple[str, str]) -> Callable[[Mapping[str, int]], Actor]:
    return lambda rid: Actor(
        principal=200,
        kind="person",
        name="at the family's door",
        shares=frozenset((rid[whose], share) for whose, share in shares),
    )


_READ_BY_ALL = kinds.DIRECTORY
FAMILY: tuple[Member, ...] = (
    Member("patient", person((OWN, "all")), AT_NORTH, kinds.EVERYTHING, HERS),
    Member(
        "patient who refused North", person((REFUSED, "all")), frozenset({REFUSED}), kinds.EVERYTHING, HERS
    ),
    *(
        Member(
            f"helper with {share}",
            person((OWN, share)),
            AT_NORTH,
            SHARES[share] | _READ_BY_ALL,
            shared=SHARES[share],
        )
        for share in sorted(SHARES)
        if share != "all"
    ),
    Member("helper whose share ended", person(), NOTHING, _READ_BY_ALL),
)


def client(*scopes: str, **more: object) -> Callable[[Mapping[str, int]], Actor]:
    def actor(rid: Mapping[str, int]) -> Actor:
        made = Actor(
            principal=300, kind="client", name="program", scopes=tuple(SmartScope.parse(s) for s in scopes)
        )
        return replace(
            made, **{name: value(rid) if callable(value) else value for name, value in more.items()}
        )

    return actor


def app(
    user: Callable[[Mapping[str, int]], Actor], *scopes: str, context: str = ""
) -> Callable[[Mapping[str, int]], Actor]:
    return lambda rid: replace(
        user(rid),
        app=400,
        scopes=tuple(SmartScope.parse(s) for s in scopes),
        context=rid[context] if context else None,
    )


# What an app of a helper sees of each share: no type of which her pages show her a part only.
_OF_HELPERS_APPS = {
    "plan": frozenset({"Patient", "CarePlan", "Goal"}),
    "visits": frozenset({"Patient", "Appointment"}),
    "medications": frozenset(
        {"Patient", "MedicationRequest", "MedicationStatement", "AllergyIntolerance", "Medication"}
    ),
    "results": frozenset({"Patient"}),
    "messages": frozenset({"Patient"}),
    "coverage": frozenset({"Patient", "Coverage"}),
}

EVERYBODY = frozenset({OWN, FOREIGN, REFUSED})
PROGRAMS: tuple[Member, ...] = (
    Member(
        "backend with everything",
        client("system/*.rs"),
        EVERYBODY,
        kinds.EVERYTHING,
        ALL_BUT_CONSENT,
        unnamed=True,
    ),
    Member(
        "backend for Observation",
        client("system/Observation.rs"),
        EVERYBODY,
        frozenset({"Observation"}),
        ALL_BUT_CONSENT,
        unnamed=True,
    ),
    Member("backend with no scope", client(), NOTHING, NOTHING),
    Member(
        "coordinator's app for Observation",
        app(staff("coordinator"), "user/Observation.rs"),
        AT_NORTH,
        frozenset({"Observation"}),
        CARE,
    ),
    Member(
        "coordinator's app on her",
        app(staff("coordinator"), "patient/*.rs", context=OWN),
        AT_NORTH,
        kinds.EVERYTHING,
        CARE,
    ),
    Member(
        "coordinator's app on a foreign person",
        app(staff("coordinator"), "patient/*.rs", context=FOREIGN),
        NOTHING,
        kinds.DIRECTORY,
    ),
    Member(
        "administrator's app for everything",
        app(staff("administrator"), "user/*.rs"),
        NOTHING,
        kinds.DIRECTORY,
    ),
    Member(
        "patient's app for Observation",
        app(person((OWN, "all")), "patient/Observation.rs", context=OWN),
        AT_NORTH,
        frozenset({"Observation"}),
        HERS,
    ),
    Member(
        "patient's app for everything",
        app(person((OWN, "all")), "patient/*.rs", context=OWN),
        AT_NORTH,
        kinds.EVERYTHING - {"Task"},
        HERS,
    ),
    *(
        Member(
            f"helper's app with {share}",
            app(person((OWN, share)), "patient/*.rs", context=OWN),
            AT_NORTH,
            types | _READ_BY_ALL,
            shared=types,
        )
        for share, types in _OF_HELPERS_APPS.items()
    ),
    Member(
        "patient's app on somebody else",
        app(person((OWN, "all")), "patient/*.rs", context=FOREIGN),
        NOTHING,
        kinds.DIRECTORY,
    ),
    Member(
        "partner who was asked for nothing",
        lambda rid: Actor(500, "partner", "pantry", organization=rid["pantry"]),
        NOTHING,
        kinds.DIRECTORY,
    ),
    Member("nobody", lambda rid: None, NOTHING, NOTHING, directory=False),
)

CAST: tuple[Member, ...] = (*STAFF, *PLIGHTS, *FAMILY, *PROGRAMS)


def roles_without_a_member() -> set[str]:
    return set(STAFF_ROLES) - {member.name for member in STAFF}
