"""Who somebody is and how to reach her, as it is told at the front door: checked, then a Patient. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    code_in,
    codeable,
    extension,
    identifiers,
    ref,
    set_extension,
    text_of,
)
from careloop.kernel.errors import CareError
from careloop.kernel.zones import zone_of_zip

LANGUAGE: Final = "urn:ietf:bcp:47"
LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "es": "Spanish",
    "zh": "Chinese",
    "vi": "Vietnamese",
    "tl": "Tagalog",
    "ar": "Arabic",
    "ko": "Korean",
    "ru": "Russian",
    "fr": "French",
    "ht": "Haitian Creole",
    "pl": "Polish",
    "pt": "Portuguese",
    "hi": "Hindi",
    "ur": "Urdu",
    "fa": "Persian",
    "so": "Somali",
    "am": "Amharic",
    "ase": "American Sign Language",
}
GENDERS: Final = ("female", "male", "other", "unknown")
PRONOUNS: Final[Mapping[str, str]] = {
    "she/her": "LA29519-8",
    "he/him": "LA29518-0",
    "they/them": "LA29520-6",
}
PHONE_USES: Final = ("mobile", "home", "work")
STATES: Final = re.compile(
    "A[KLRZS]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOSTP]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|"
    "V[AIT]|W[AIVY]"
)
OLDEST_YEARS: Final = 125
MR: Final = "MR"


class NotAPerson(CareError):
    """Something in these fields needs another look. Nothing was saved."""

    code, status, issue_type = "not-a-person", 422, "value"

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()), problems=dict(problems))
        self.problems = dict(problems)


@dataclass(frozen=True, repr=False)
class Told:
    """What was told, as text. birth_date: ISO. phones: up to two numbers. language: BCP 47. reach: when and how.
    mrn: the site's own record number."""

    given: str = ""
    family: str = ""
    birth_date: str = ""
    gender: str = ""
    mrn: str = ""
    phone: str = ""
    phone_use: str = "mobile"
    other_phone: str = ""
    email: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    language: str = ""
    interpreter: bool = False
    pronouns: str = ""
    reach: str = ""

    def __repr__(self) -> str:
        return "Told(…)"

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Told:
        """Of a form or a row: trimmed, unknown names left out."""
        known = {each.name for each in fields(cls)}
        text = {
            name: " ".join(str(value).split())[:300]
            for name, value in said.items()
            if name in known and name != "interpreter"
        }
        text["state"] = text.get("state", "").upper()
        return cls(**text, interpreter=_is_yes(said.get("interpreter")))


def _is_yes(value: Any) -> bool:
    return str(value or "").strip().lower() in {"1", "on", "true", "yes", "y", "si", "sí", "x"}


# Checking; sentences are English msgids


def problems(told: Told, today: date) -> dict[str, str]:
    """By field, the sentence that says what to do about it."""
    found = {
        "given": "" if told.given else "Write the first name.",
        "family": "" if told.family else "Write the last name.",
        "birth_date": birth_problem(told.birth_date, today),
        "gender": "" if told.gender in ("", *GENDERS) else "Choose one from the list.",
        "mrn": "" if re.fullmatch(r"[\w.\-/ ]{0,40}", told.mrn) else "A record number has letters and digits only.",
        "phone": _phone_problem(told.phone),
        "other_phone": _phone_problem(told.other_phone),
        "email": "" if not told.email or re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", told.email) else
        "An email address has one @ and a domain.",
        "state": "" if not told.state or STATES.fullmatch(told.state) else "Write the state with two letters, like TX.",
        "postal_code": _postal_problem(told.postal_code),
        "language": "" if not told.language or re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", told.language)
        else "Choose a language from the list.",
    }  # fmt: skip
    return {name: sentence for name, sentence in found.items() if sentence}


def birth_problem(text: str, today: date) -> str:
    if not text:
        return ""
    try:
        born = date.fromisoformat(text)
    except ValueError:
        return "This is not a day of the calendar."
    if born > today:
        return "The birth date lies in the future."
    return "" if today.year - born.year <= OLDEST_YEARS else "The birth date lies too long ago."


def _phone_problem(text: str) -> str:
    digits = re.sub(r"\D", "", re.split(r"(?i)\s*(?:x|ext)\.?\s*\d", text)[0])
    is_number = len(digits) == 10 or (len(digits) == 11 and digits.startswith("1"))
    return "" if not text or is_number else "A phone number has ten digits."


def _postal_problem(text: str) -> str:
    if not text:
        return ""
    if not re.fullmatch(r"\d{5}(-?\d{4})?", text):
        return "A ZIP code has five digits."
    return "" if zone_of_zip(text) else "There is no such ZIP code."


# To a Patient and back


def new_patient(told: Told, site: str, authority: str) -> Resource:
    """site: Organization reference. authority: system of the site's own record numbers."""
    return changed(
        {"resourceType": "Patient", "active": True, "managingOrganization": ref(site)}, told, authority
    )


def told_of(patient: Mapping[str, Any], authority: str) -> Told:
    """The fields of an edit form."""
    name = _current(patient.get("name", ()), ("official", "usual"))
    phones = [t for t in patient.get("telecom", ()) if _is_phone(t)]
    emails = [t for t in patient.get("telecom", ()) if t.get("system") == "email" and t.get("use") != "old"]
    address = _current(patient.get("address", ()), ("home",))
    spoken = next((each.get("language") for each in patient.get("communication", ())), None)
    pronouns = next((e for e in patient.get("extension", ()) if e.get("url") == uris.PRONOUNS), None)
    return Told(
        given=" ".join(name.get("given", ())),
        family=str(name.get("family", "")),
        birth_date=str(patient.get("birthDate", "")),
        gender=str(patient.get("gender", "")),
        mrn=next((str(i["value"]) for i in identifiers(patient) if i.get("system") == authority), ""),
        phone=str(phones[0].get("value", "")) if phones else "",
        phone_use=str(phones[0].get("use", "mobile")) if phones else "mobile",
        other_phone=str(phones[1].get("value", "")) if len(phones) > 1 else "",
        email=str(emails[0].get("value", "")) if emails else "",
        street=", ".join(address.get("line", ())),
        city=str(address.get("city", "")),
        state=str(address.get("state", "")),
        postal_code=str(address.get("postalCode", "")),
        language=code_in(spoken, LANGUAGE) or (text_of(spoken) if spoken else ""),
        interpreter=extension(patient, uris.INTERPRETER) is True,
        pronouns=text_of(extension(pronouns, "value")) if pronouns else "",
        reach=str(extension(patient, uris.REACH) or ""),
    )


def changed(patient: Resource, told: Told, authority: str) -> Resource:
    """A copy with what was told. Her name and address of before stay as old ones; what nobody asked about stays."""
    before = told_of(patient, authority)
    made = {**patient, "extension": list(patient.get("extension", ()))}
    if (told.given, told.family) != (before.given, before.family):
        _rename(made, told)
    for element, value in (("birthDate", told.birth_date), ("gender", told.gender)):
        made.update({element: value}) if value else made.pop(element, None)
    if told.mrn != before.mrn:
        _renumber(made, told.mrn, authority)
    if _reaching(told) != _reaching(before):
        _reach(made, told, before)
    if _living(told) != _living(before):
        _move(made, told)
    if told.language != before.language:
        _speak(made, told.language)
    if told.pronouns != before.pronouns:
        _call(made, told.pronouns)
    if told.interpreter != before.interpreter:
        set_extension(made, uris.INTERPRETER, "Boolean", True if told.interpreter else None)
    set_extension(made, uris.REACH, "String", told.reach or None)
    return {name: value for name, value in made.items() if value != []}


def _current(found: Iterable[Resource], uses: tuple[str, ...]) -> Resource:
    kept = [each for each in found if each.get("use") != "old"]
    return next((each for use in uses for each in kept if each.get("use") == use), kept[0] if kept else {})


def _is_phone(told: Mapping[str, Any]) -> bool:
    return told.get("system") == "phone" and told.get("use") != "old"


def _reaching(told: Told) -> tuple[str, ...]:
    return told.phone, told.phone_use, told.other_phone, told.email


def _living(told: Told) -> tuple[str, ...]:
    return told.street, told.city, told.state, told.postal_code


def _rename(patient: Resource, told: Told) -> None:
    names = patient.get("name", ())
    was = _current(names, ("official", "usual"))
    kept = [{**each, "use": "old"} if each is was else each for each in names]
    patient["name"] = [{"use": "official", "family": told.family, "given": told.given.split()}, *kept]


def _renumber(patient: Resource, mrn: str, authority: str) -> None:
    kept = [each for each in identifiers(patient) if each.get("system") != authority]
    own: Resource = {
        "use": "usual",
        "type": codeable(uris.IDENTIFIER_TYPE, MR),
        "system": authority,
        "value": mrn,
    }
    patient["identifier"] = [*([own] if mrn else []), *kept]


def _reach(patient: Resource, told: Told, before: Told) -> None:
    """Numbers that are not in the form stay: a fax, a third phone."""
    shown = {before.phone, before.other_phone, before.email}
    kept = [t for t in patient.get("telecom", ()) if t.get("value") not in shown]
    use = told.phone_use if told.phone_use in PHONE_USES else "mobile"
    mine: list[Resource] = []
    if told.phone:
        mine.append({"system": "phone", "value": told.phone, "use": use, "rank": 1})
    if told.other_phone:
        mine.append({"system": "phone", "value": told.other_phone, "rank": 2})
    if told.email:
        mine.append({"system": "email", "value": told.email})
    patient["telecom"] = [*mine, *kept]


def _move(patient: Resource, told: Told) -> None:
    addresses = patient.get("address", ())
    was = _current(addresses, ("home",))
    kept = [{**each, "use": "old"} if each is was else each for each in addresses]
    home: Resource = {"use": "home"}
    if told.street:
        home["line"] = [told.street]
    for element, value in (("city", told.city), ("state", told.state), ("postalCode", told.postal_code)):
        if value:
            home[element] = value
    patient["address"] = [*([{**home, "country": "US"}] if len(home) > 1 else []), *kept]


def _speak(patient: Resource, language: str) -> None:
    if not language:
        patient.pop("communication", None)
        return
    concept = codeable(LANGUAGE, language, LANGUAGES.get(language))
    others = [each for each in patient.get("communication", ())[1:] if each.get("language") != concept]
    patient["communication"] = [{"language": concept, "preferred": True}, *others]


def _call(patient: Resource, pronouns: str) -> None:
    kept = [each for each in patient.get("extension", ()) if each.get("url") != uris.PRONOUNS]
    if pronouns:
        told: Resource = {"text": pronouns}
        if code := PRONOUNS.get(pronouns):
            told = {"coding": [{"system": uris.LOINC, "code": code}], **told}
        kept.append({"url": uris.PRONOUNS, "extension": [{"url": "value", "valueCodeableConcept": told}]})
    patient["extension"] = kept
