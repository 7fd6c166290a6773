"""The doors behind ⋯ on a person's page: to each reader those that she may open, as the policy answers it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from careloop.access import Actor, Interaction, decide
from careloop.access.acts import ACCOUNTING, DISCLOSE, PART2_EMERGENCY, WHO_MAY, Act, may

# What a door needs: an act, or leave to do something with a type of resource.
Need = Act | tuple[Interaction, str]


@dataclass(frozen=True)
class Door:
    name: str
    href: str
    is_dialog: bool = False


def menu(actor: Actor, person: str) -> tuple[Door, ...]:
    """person: FHIR id."""
    return tuple(door for door, needs in _doors(f"/people/{person}", person) if _opens(actor, needs))


def may_log(actor: Actor) -> bool:
    """Whether she may write down that she talked with somebody."""
    return _opens(actor, (("create", "Encounter"), ("create", "Task")))


def _opens(actor: Actor, needs: tuple[Need, ...]) -> bool:
    return all(
        may(actor, need) if isinstance(need, Act) else decide(actor, need[0], need[1]).allowed
        for need in needs
    )


def _doors(here: str, person: str) -> list[tuple[Door, tuple[Need, ...]]]:
    """Beside each what its page reads or writes."""
    return [
        (
            Door(gettext("Record a promise"), f"{here}/promise", True),
            (("create", "Task"), ("read", "CarePlan")),
        ),
        (Door(gettext("Write down what matters"), f"{here}/words", True), (("create", "Observation"),)),
        (Door(gettext("Add a reading"), f"{here}/readings/new", True), (("create", "Observation"),)),
        (Door(gettext("Ask questions"), f"{here}/assessments#ask"), (("create", "QuestionnaireResponse"),)),
        (
            Door(gettext("Take the questions along"), f"{here}/take-along"),
            (("create", "QuestionnaireResponse"),),
        ),
        (Door(gettext("Change contact details"), f"{here}/edit"), (("update", "Patient"),)),
        (Door(gettext("How to reach this person safely"), f"{here}/safe-contact"), (("update", "Flag"),)),
        (
            Door(gettext("Reporting steps"), f"{here}/report"),
            (("create", "Task"), ("create", "Communication"), ("read", "Observation")),
        ),
        (Door(gettext("Open an app"), f"{here}/apps"), (("read", "Observation"),)),
        (Door(gettext("Add a to-do"), f"{here}/to-do", True), (("create", "Task"),)),
        (
            Door(gettext("Ask a clinician"), f"{here}/consult", True),
            (("create", "Task"), ("create", "Communication")),
        ),
        (Door(gettext("Treat to target"), f"{here}/targets"), (("read", "Observation"), ("read", "Goal"))),
        (
            Door(gettext("What is watched"), f"{here}/watched"),
            (("create", "RequestGroup"), ("read", "Observation")),
        ),
        (
            Door(gettext("How much is asked"), f"{here}/care-load"),
            (("read", "Task"), ("read", "Appointment")),
        ),
        (Door(gettext("Offer a program"), f"{here}/enroll"), (("create", "EpisodeOfCare"),)),
        (
            Door(gettext("Take a referral"), f"/front-door/referral?person={person}"),
            (("create", "ServiceRequest"),),
        ),
        (
            Door(gettext("Is there a second record?"), f"{here}/merge"),
            (("update", "Patient"), ("update", "Observation")),
        ),
        (Door(gettext("Who may see this record"), f"{here}/access"), (WHO_MAY,)),
        (
            Door(gettext("Medical emergency: substance use program records"), f"{here}/emergency/part2"),
            (PART2_EMERGENCY,),
        ),
        (Door(gettext("Send something out"), f"{here}/disclose"), (DISCLOSE,)),
        (Door(gettext("What was sent about this person"), f"{here}/disclosures"), (ACCOUNTING,)),
    ]
