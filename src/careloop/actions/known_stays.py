"""Her hospital stays as every decision reads them: by the sender's own codes, and as a person decided in Review."""

from __future__ import annotations

from dataclasses import replace

from careloop.actions.person_facts import own_codes
from careloop.care.stay import Stay, outstanding, sender_of, stay_of
from careloop.care.transition import reading, with_decision
from careloop.library import Library
from careloop.store import Unit


def known_stays(unit: Unit, person: int, library: Library) -> list[Stay]:
    """person: rid of the Patient. Whoever decides about a stay of an unclear class says that it was one."""
    encounters = [stored.resource for stored in unit.of_person(person, ["Encounter"])]
    own = own_codes({name for each in encounters if (name := sender_of(each))})
    work = outstanding(stored.resource for stored in unit.of_person(person, ["Task"])) if encounters else ()
    found = []
    for each in encounters:
        stay = stay_of(each, library, unit.now.date(), own=own.get(sender_of(each) or ""))
        stay = with_decision(stay, work)
        found.append(replace(stay, setting=reading(stay, library, unit.now)[0]))
    return found


def went_to(stay: Stay, library: Library, unit: Unit) -> str | None:
    """home, snf, and the like; None when nobody knows."""
    meaning = reading(stay, library, unit.now)[1]
    return None if meaning == "unknown" else meaning
