"""What a person shares with those who help her, and what she sees herself: each share names the types behind it."""

from __future__ import annotations

from typing import Final

from careloop.access import kinds

SELF: Final = "all"  # the patient herself, or whoever fully stands for her
_ABOUT_HER: Final = frozenset({"Patient", "CareTeam"})

SHARES: Final[dict[str, frozenset[str]]] = {
    SELF: kinds.EVERYTHING,
    "plan": _ABOUT_HER | {"CarePlan", "Goal", "Task", "ServiceRequest"},
    "visits": _ABOUT_HER | {"Appointment", "Encounter", "Task"},
    "medications": _ABOUT_HER
    | {"MedicationRequest", "MedicationStatement", "AllergyIntolerance", "Medication"},
    "results": _ABOUT_HER | {"Observation", "DiagnosticReport"},
    "messages": _ABOUT_HER | {"Communication", "DocumentReference"},
    "coverage": kinds.BILLING | _ABOUT_HER,
}
# What an app reads of the same. The family's pages leave out what is between the staff (to-dos, other helpers'
# questions, notes, what is urgent or protected, questionnaires); an app gets rows as they are, so a helper's app is
# given only types that may be seen whole. Her own app has no Task either: to-dos of the staff organize work and are
# not of the record that she has a right to (45 CFR 164.501, designated record set); her plan is in CarePlan and Goal.
_NAMED: Final = frozenset({"Patient"})
SHARES_OF_APPS: Final[dict[str, frozenset[str]]] = {
    SELF: kinds.EVERYTHING - {"Task"},
    "plan": _NAMED | {"CarePlan", "Goal"},
    "visits": _NAMED | {"Appointment"},
    "medications": _NAMED | {"MedicationRequest", "MedicationStatement", "AllergyIntolerance", "Medication"},
    "results": _NAMED,
    "messages": _NAMED,
    "coverage": _NAMED | {"Coverage"},
}
# What the patient, or whoever fully stands for her, may add and change at the family's door; what a helper may add;
# and what an app may add for either, which changes nothing.
ADDED: Final = frozenset(
    {
        *("QuestionnaireResponse", "Communication", "Observation", "Task", "Consent", "RelatedPerson"),
        *("DocumentReference", "Appointment", "Provenance"),
    }
)
CHANGED: Final = frozenset({"Consent", "RelatedPerson", "Task", "Communication"})
# An Observation: who sees the results may write down what the scale says, in her own name and so often a day
# (actions/record_reading.py). It counts like the person's own word: believed only beside the others, shown with who
# says so, and nothing that a helper may take back, judge or label.
ADDED_BY_HELPERS: Final = frozenset({"Communication", "Task", "Observation"})
ADDED_BY_APPS: Final = frozenset(
    {"QuestionnaireResponse", "Communication", "Observation", "DocumentReference"}
)
