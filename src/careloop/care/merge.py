"""Two records of one person become one, and two again: what stands against it, what the joined record says, and how
each resource speaks of the other number. Pure; `actions/merge_people.py` and `actions/unmerge_people.py` write it.

Nothing is thrown away: what was written stays in its history, and a merge is a further version of each thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, extension, set_extension
from careloop.kernel.errors import CareError, Conflict

REPLACED_BY: Final = "replaced-by"
REPLACES: Final = "replaces"
LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"  # merge, unmerge
PORTAL: Final = "urn:careloop:code:portal"  # category of a Consent that opens somebody's pages to a helper
ON_HOLD: Final = "urn:careloop:ext:held-by-merge"
# Kept of the other record, marked as no longer in use, so that she is still found by it.
_FOUND_BY: Final = ("name", "telecom", "address")
_SINGLE: Final = (
    *("birthDate", "gender", "maritalStatus", "managingOrganization"),
    *("multipleBirthBoolean", "multipleBirthInteger"),
)


class SameRecord(CareError):
    """These are one and the same record."""

    code, status = "same-record", 422


class MergedAlready(Conflict):
    """One of these records was joined with another already. Open that one, and look again."""

    code = "merged-already"


class MergeInDoubt(CareError):
    """Something speaks against it. Look again, and confirm it when you are sure that this is one person."""

    code, status, issue_type = "merge-in-doubt", 422, "required"


class DeathUnsettled(CareError):
    """One of the records says that the person has died, and the other does not. Settle that first."""

    code, status = "death-unsettled", 422


class NotMerged(Conflict):
    """These records are not joined any more."""

    code = "not-merged"


class UndoLaterFirst(Conflict):
    """The joined record was itself joined with another since. Take that apart first."""

    code = "undo-later-first"


@dataclass(frozen=True, repr=False)
class Side:
    """One of the two, as far as whoever asks may see it. plans, allergies: how many are active. code_status: its newest
    words, empty when nobody wrote any."""

    reference: str
    patient: Resource
    plans: int = 0
    allergies: int = 0
    code_status: str = ""

    def __repr__(self) -> str:
        return f"Side({self.reference})"


def refuse(stays: Side, goes: Side) -> None:
    """What nobody can confirm away. Raises SameRecord, MergedAlready, DeathUnsettled."""
    if stays.reference == goes.reference:
        raise SameRecord
    if replaced_by(stays.patient) or replaced_by(goes.patient):
        raise MergedAlready
    if is_deceased(stays.patient) != is_deceased(goes.patient):
        raise DeathUnsettled


def doubts(stays: Side, goes: Side, against: Iterable[str]) -> tuple[str, ...]:
    """Why a machine does not join these two, and a person confirms it: English sentences that pages translate.
    against: what a comparison of names, birth dates, phones and sex found to differ."""
    found = [*against]
    one, other = (str(side.patient.get("birthDate", "")) for side in (stays, goes))
    if not one or not other:
        found.append("One of them has no birth date.")
    if any(
        side.patient.get("multipleBirthInteger") or side.patient.get("multipleBirthBoolean")
        for side in (stays, goes)
    ):
        found.append("One of them is a twin.")
    if any(_links(side.patient, "seealso") & {stays.reference, goes.reference} for side in (stays, goes)):
        found.append("Somebody has said that these two are related and not the same.")
    return tuple(dict.fromkeys(found))


def conflicts(stays: Side, goes: Side) -> tuple[str, ...]:
    """What both say, and what somebody will have to bring together afterwards."""
    found = []
    if stays.plans and goes.plans:
        found.append("Both have an active plan.")
    if stays.allergies and goes.allergies:
        found.append("Both have a list of allergies.")
    if stays.code_status != goes.code_status:
        found.append("They say different things about the code status. Confirm it with the person.")
    if _site(stays.patient) and _site(goes.patient) and _site(stays.patient) != _site(goes.patient):
        found.append("They belong to two sites. The site of the record that stays keeps the person.")
    return tuple(found)


def replaced_by(patient: Mapping[str, Any]) -> str | None:
    return next(iter(sorted(_links(patient, REPLACED_BY))), None)


def is_deceased(patient: Mapping[str, Any]) -> bool:
    return bool(patient.get("deceasedDateTime") or patient.get("deceasedBoolean"))


def _links(patient: Mapping[str, Any], kind: str) -> set[str]:
    return {
        str((link.get("other") or {}).get("reference", ""))
        for link in patient.get("link", ())
        if link.get("type") == kind
    }


def _site(patient: Mapping[str, Any]) -> str:
    return str((patient.get("managingOrganization") or {}).get("reference", ""))


# --- the two Patients


def joined(stays: Resource, goes: Resource) -> Resource:
    """The record that stays: its own words first. Numbers of the other count as hers, so that a late message finds her;
    names, phones and addresses are kept as old ones unless she has none. Of safety, both."""
    made = deepcopy(stays)
    made["identifier"] = _added(stays.get("identifier", ()), goes.get("identifier", ()))
    for name in _FOUND_BY:
        news = goes.get(name, ())
        if stays.get(name):
            news = [{**each, "use": "old"} for each in news if not _is_known(each, stays[name])]
        made[name] = [*stays.get(name, ()), *deepcopy(list(news))]
    for name in ("communication", "contact", "generalPractitioner"):
        made[name] = _added(stays.get(name, ()), goes.get(name, ()))
    for name in _SINGLE:
        if name in goes and name not in made:
            made[name] = deepcopy(goes[name])
    made["extension"] = [
        *stays.get("extension", ()),
        *(each for each in goes.get("extension", ()) if each.get("url") not in _urls(stays)),
    ]
    _join_words(made, goes)
    if labels := _added(
        (stays.get("meta") or {}).get("security", ()), (goes.get("meta") or {}).get("security", ())
    ):
        made["meta"] = {**(stays.get("meta") or {}), "security": labels}
    link = {"other": {"reference": f"Patient/{goes['id']}"}, "type": REPLACES}
    made["link"] = [*stays.get("link", ()), link]
    return {key: value for key, value in made.items() if value not in ([], {})}


def _join_words(made: Resource, goes: Resource) -> None:
    """What whoever calls or visits must know: of both."""
    own, other = extension(made, uris.SAFETY), extension(goes, uris.SAFETY)
    if own and other and own != other:
        set_extension(made, uris.SAFETY, "String", f"{own}; {other}")


def _urls(resource: Mapping[str, Any]) -> set[str]:
    return {str(each.get("url")) for each in resource.get("extension", ())}


def _added(own: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    return [*own, *(deepcopy(each) for each in other if each not in own)]


def _is_known(item: Mapping[str, Any], own: Iterable[Mapping[str, Any]]) -> bool:
    said = _said(item)
    return any(_said(each) == said for each in own)


def _said(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in item.items() if key not in ("use", "period", "rank", "id", "extension")
    }


def left(goes: Resource, stays: str) -> Resource:
    """The record that goes: no longer active, and it says where she is. stays: "Patient/…"."""
    link = {"other": {"reference": stays}, "type": REPLACED_BY}
    return {**goes, "active": False, "link": [*goes.get("link", ()), link]}


def parted(now: Resource, before: Resource, joined_then: Resource, goes: str) -> Resource:
    """The record that stayed, without what the merge had brought. now: as it stands; before and joined_then: around the
    merge. What somebody changed since then stays as she changed it."""
    made = deepcopy(now)
    for name in joined_then.keys() - {"resourceType", "id", "meta", "link"}:
        then, own = joined_then[name], before.get(name)
        if isinstance(then, list):
            brought = [each for each in then if each not in (own or ())]
            made[name] = [each for each in now.get(name, ()) if each not in brought]
            made[name] += [each for each in own or () if each not in then and each not in made[name]]
        elif name in now and now[name] == then and own != then:
            made[name] = own
    made["link"] = [
        each
        for each in now.get("link", ())
        if (each.get("other") or {}).get("reference") != goes or each.get("type") != REPLACES
    ]
    return {key: value for key, value in made.items() if value not in (None, [], {})}


def came_back(now: Resource, before: Resource) -> Resource:
    """The record that had gone, as a person of its own again. before: as it was when it went."""
    made = {key: value for key, value in now.items() if key not in ("active", "link")}
    return made | {key: before[key] for key in ("active", "link") if key in before}


# --- all the others: which number they name


def renamed(resource: Resource, old: str, new: str) -> Resource:
    """A copy in which every reference to `old` ("Patient/…") names `new`, in keys of proposed work as well. A reference
    to one version of the other record is left: that version is where it was."""
    found: Resource = _rewritten(resource, lambda path, text: new if text == old else text)
    return _rekeyed(found, old, new)


def restored(now: Resource, before: Resource, old: str, new: str) -> Resource:
    """What a merge had renamed from `old` to `new`, named `old` again: where it stood before the merge, and, in what
    never spoke of the other person, everywhere. now: as it stands; before: as it was when it was merged."""
    was = {path for path, text in _references(before) if text == old}
    spoke_of_both = any(text == new for _, text in _references(before))

    def back(path: tuple[Any, ...], text: str) -> str:
        return old if text == new and (path in was or not spoke_of_both) else text

    made = _rekeyed(_rewritten(now, back), new, old)
    if extension(now, ON_HOLD) and not extension(before, ON_HOLD):
        made["status"] = before.get("status")
        set_extension(made, ON_HOLD, "Boolean", None)
    return made


def names(resource: Resource, person: str) -> bool:
    return any(text == person for _, text in _references(resource))


def _references(element: Any, path: tuple[Any, ...] = ()) -> Iterable[tuple[tuple[Any, ...], str]]:
    if isinstance(element, dict):
        for key, value in element.items():
            if key == "reference" and isinstance(value, str):
                yield (*path, key), value
            else:
                yield from _references(value, (*path, key))
    elif isinstance(element, list):
        for number, value in enumerate(element):
            yield from _references(value, (*path, number))


def _rewritten(
    element: Any, change: Callable[[tuple[Any, ...], str], str], path: tuple[Any, ...] = ()
) -> Any:
    if isinstance(element, dict):
        return {
            key: change((*path, key), value)
            if key == "reference" and isinstance(value, str)
            else _rewritten(value, change, (*path, key))
            for key, value in element.items()
        }
    if isinstance(element, list):
        return [_rewritten(value, change, (*path, number)) for number, value in enumerate(element)]
    return element


def _rekeyed(resource: Resource, old: str, new: str) -> Resource:
    """Keys of proposed work name the person whom they are about (`silence:Patient/1:…`): one key, one piece of work."""
    said = resource.get("identifier")
    if not isinstance(said, list):
        return resource
    word = re.compile(rf"(?<![^:]){re.escape(old)}(?![^:])")
    return resource | {
        "identifier": [
            {**each, "value": word.sub(lambda _: new, each["value"])}
            if each.get("system") == uris.DEDUPE and isinstance(each.get("value"), str)
            else each
            for each in said
        ]
    }


# --- consents: the stricter one stays


def held(
    consents: Sequence[Resource], others: Sequence[Resource], opens: Callable[[Resource], bool]
) -> list[Resource]:
    """Of one record's Consents, those that may not open what stands on the other record before she was asked again, put
    on hold. others: the other record's. opens: whether a Consent permits something that the other record holds.

    A denial needs nothing of this: it stands beside every permit, and wins. Joining a program opens nothing.
    """
    made = []
    for consent in consents:
        if consent.get("status") != "active" or not _permits(consent) or not opens(consent):
            continue
        if is_portal(consent):
            is_agreed = not any(_is_ended_for_same(consent, other) for other in others)
        else:
            is_agreed = any(_says_the_same(consent, other) for other in others)
        if not is_agreed:
            kept = {**consent, "status": "inactive"}
            set_extension(kept, ON_HOLD, "Boolean", True)
            made.append(kept)
    return made


def _permits(consent: Mapping[str, Any]) -> bool:
    """Its first word is yes; a rule of exceptions inside it only narrows."""
    is_program = any(
        system == uris.PROGRAM for concept in consent.get("category", ()) for system, _ in codings(concept)
    )
    return (consent.get("provision") or {}).get("type", "permit") == "permit" and not is_program


def is_portal(consent: Mapping[str, Any]) -> bool:
    return any(system == PORTAL for concept in consent.get("category", ()) for system, _ in codings(concept))


def _is_ended_for_same(consent: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """The other record had opened its pages to somebody of that name, and has closed them."""
    ended = other.get("status") in ("inactive", "rejected") and is_portal(other)
    return ended and bool(_actors(consent) & _actors(other))


def _actors(consent: Mapping[str, Any]) -> set[str]:
    return {
        " ".join(str((each.get("reference") or {}).get("display", "")).casefold().split())
        for each in (consent.get("provision") or {}).get("actor", ())
    } - {""}


def _says_the_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """The same permission to the same hands, still given."""
    return other.get("status") == "active" and all(
        one.get(key) == other.get(key) for key in ("scope", "category", "provision")
    )
