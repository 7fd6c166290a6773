"""The audit trail in words: what was done, why it could be, through which door, and what was odd about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

from careloop.care.odd_access import Relation
from careloop.projections.looks import Row
from careloop.projections.principals import Who
from careloop.store.audit import DENIED, FAILED

# Roles as they stand after a name.
ROLES = {
    "coordinator": gettext_lazy("care coordinator"),
    "supervisor": gettext_lazy("supervisor"),
    "clinician": gettext_lazy("clinician"),
    "social-worker": gettext_lazy("social worker"),
    "ltc-nurse": gettext_lazy("long-term care nurse"),
    "bh-clinician": gettext_lazy("behavioral health clinician"),
    "therapist": gettext_lazy("therapist"),
    "advocacy": gettext_lazy("advocacy specialist"),
    "payer-manager": gettext_lazy("health plan case manager"),
    "payer-reviewer": gettext_lazy("health plan reviewer"),
    "volunteer": gettext_lazy("volunteer"),
    "ombudsman": gettext_lazy("ombudsman"),
    "biller": gettext_lazy("biller"),
    "administrator": gettext_lazy("administrator"),
    "auditor": gettext_lazy("auditor"),
    "privacy-officer": gettext_lazy("privacy officer"),
}
KINDS = {
    "person": gettext_lazy("patient or family"),
    "partner": gettext_lazy("partner organization"),
    "client": gettext_lazy("program"),
    "app": gettext_lazy("app"),
    "sender": gettext_lazy("hospital feed"),
    "system": gettext_lazy("Careloop itself"),
}
DOORS = {
    "page": gettext_lazy("a page"),
    "fhir": gettext_lazy("the FHIR door"),
    "hl7": gettext_lazy("a hospital message"),
    "file": gettext_lazy("a file"),
    "work": gettext_lazy("the work loop"),
    "command": gettext_lazy("a command"),
    "family": gettext_lazy("the family’s pages"),
    "partner": gettext_lazy("a partner’s page"),
}
RELATIONS = {
    Relation.LEAD: gettext_lazy("leads this person’s care"),
    Relation.WROTE: gettext_lazy("wrote in this record"),
    Relation.WORK: gettext_lazy("has or had work for this person"),
    Relation.TEAM: gettext_lazy("is on this person’s team"),
    Relation.COVER: gettext_lazy("covers, or was given this person"),
    Relation.EMERGENCY: gettext_lazy("opened it in an emergency"),
    Relation.SITE: gettext_lazy("works at this person’s site"),
    Relation.NONE: gettext_lazy("nothing that we know joins them"),
}
THINGS = {
    "Patient": gettext_lazy("the record"),
    "CarePlan": gettext_lazy("the plan"),
    "Goal": gettext_lazy("goals"),
    "Task": gettext_lazy("to-dos"),
    "Encounter": gettext_lazy("stays and contacts"),
    "EpisodeOfCare": gettext_lazy("programs"),
    "Observation": gettext_lazy("readings"),
    "QuestionnaireResponse": gettext_lazy("assessments"),
    "Condition": gettext_lazy("conditions"),
    "MedicationRequest": gettext_lazy("medicines"),
    "MedicationStatement": gettext_lazy("medicines"),
    "Consent": gettext_lazy("consents"),
    "Communication": gettext_lazy("messages and letters"),
    "DocumentReference": gettext_lazy("documents"),
    "ServiceRequest": gettext_lazy("referrals"),
    "Coverage": gettext_lazy("coverage"),
    "CareTeam": gettext_lazy("the team"),
    "RelatedPerson": gettext_lazy("family and helpers"),
    "Flag": gettext_lazy("alerts"),
    "Appointment": gettext_lazy("visits"),
    "AllergyIntolerance": gettext_lazy("allergies"),
    "Provenance": gettext_lazy("who wrote what"),
}
# What a page or action says it did, by its first words; the longest that fits wins.
SAID = {
    "today": gettext_lazy("opened Today"),
    "work": gettext_lazy("opened the work of this person"),
    "people": gettext_lazy("opened the list of people"),
    "find": gettext_lazy("looked for somebody by name or number"),
    "match": gettext_lazy("compared people to find who is who"),
    "panel": gettext_lazy("compared a panel with our people"),
    "namesakes": gettext_lazy("looked for people of the same name"),
    "story": gettext_lazy("opened the story"),
    "review": gettext_lazy("opened Review"),
    "plan.pdf": gettext_lazy("made a PDF of the plan"),
    "plan printed": gettext_lazy("printed the plan"),
    "inbox": gettext_lazy("read hospital messages"),
    "draft": gettext_lazy("opened something begun and not finished"),
    "unsigned note": gettext_lazy("read a note that nobody signed"),
    "parked events": gettext_lazy("looked at changes that could not be followed"),
    "audit trail": gettext_lazy("searched the audit trail"),
    "audit row": gettext_lazy("opened a line of the audit trail"),
    "audit export": gettext_lazy("exported the audit trail"),
    "alerts": gettext_lazy("opened the list of alerts"),
    "alert opened": gettext_lazy("opened an alert"),
    "alert decided": gettext_lazy("decided an alert"),
    "alert": gettext_lazy("raised an alert"),
    "disclosed": gettext_lazy("sent something out of the house"),
    "disclosure composed": gettext_lazy("looked at what could be sent"),
    "disclosures": gettext_lazy("opened the list of what was sent"),
    "accounting": gettext_lazy("made an accounting of disclosures"),
    "who looked": gettext_lazy("asked who looked"),
    "signed in": gettext_lazy("signed in"),
    "signed out": gettext_lazy("signed out"),
    "sign-in": gettext_lazy("signed in or tried to"),
    "signed out everywhere": gettext_lazy("signed out everywhere else"),
    "sessions ended": gettext_lazy("ended sessions of an account"),
    "second factors reset": gettext_lazy("reset the second factor of an account"),
    "password link": gettext_lazy("gave out a link for a new password"),
    "a passkey": gettext_lazy("changed a passkey"),
    "a sign-in code": gettext_lazy("asked for a sign-in code"),
    "a letter with": gettext_lazy("handed over a letter with a sign-in code"),
    "a birth date": gettext_lazy("checked a birth date at the family’s door"),
    "a contact confirmed": gettext_lazy("wrote down a private contact"),
    "a private contact": gettext_lazy("ended a private contact"),
    "account": gettext_lazy("changed an account"),
    "accounts": gettext_lazy("opened the list of accounts"),
    "cover": gettext_lazy("arranged cover for a colleague"),
    "emergency access ended": gettext_lazy("closed a record that was opened in an emergency"),
    "emergency access opened": gettext_lazy("opened a record in an emergency"),
    "part 2 emergency": gettext_lazy("opened Part 2 records in a medical emergency"),
    "emergency search": gettext_lazy("looked for somebody in an emergency"),
    "app": gettext_lazy("did something about an app"),
    "apps with access": gettext_lazy("opened the list of apps"),
    "an app": gettext_lazy("ended an app’s access"),
    "consent page": gettext_lazy("opened the consent page of an app"),
    "who may see": gettext_lazy("asked who may see a record"),
    "why principal": gettext_lazy("asked why somebody may see a record"),
    "merge": gettext_lazy("joined two records"),
    "unmerge": gettext_lazy("took two records apart again"),
    "divide": gettext_lazy("took two records apart again"),
    "restored": gettext_lazy("restored a backup"),
    "outbound": gettext_lazy("reached another system"),
    "sso": gettext_lazy("changed single sign-on"),
    "reporting steps": gettext_lazy("opened the steps to report abuse"),
    "token": gettext_lazy("was given a token"),
    "backup": gettext_lazy("made a backup"),
    "export": gettext_lazy("exported"),
}
_SILENT = ("briefs", "card")  # says nothing that the page does not


def what_of(row: Row) -> str:
    """`opened the record, goals and to-dos`; never a name and nothing typed."""
    if row.outcome == DENIED:
        return gettext("was refused")
    said = list(dict.fromkeys(_phrases(row.said)))
    if not said and row.others:
        said = [gettext("opened a list")]
    told = ", ".join(said) or gettext("did something that left no words")
    return gettext("tried, and it failed: %(what)s") % {"what": told} if row.outcome == FAILED else told


def _phrases(said: Sequence[Sequence[Any]]) -> Iterable[str]:
    yield from (str(words) for one in said if (words := _fixed(one)))
    groups: tuple[tuple[str, str], ...] = (
        ("C", gettext("added %(things)s")),
        ("U", gettext("changed %(things)s")),
        ("D", gettext("took away %(things)s")),
        ("R", gettext("opened %(things)s")),
        ("E", gettext("searched %(things)s")),
    )
    for action, sentence in groups:
        if kinds := list(dict.fromkeys(_kinds(said, action))):
            yield sentence % {"things": _listed(kinds)}


def _fixed(one: Sequence[Any]) -> str:
    first = str(one[1]) if len(one) > 1 else ""
    if first in ("search", "denied") or first.startswith(_SILENT) or one[0] != "E":
        return ""
    fits = [words for words in SAID if first.startswith(words)]
    return str(SAID[max(fits, key=len)]) if fits else re.split("[:,]", first)[0]


def _kinds(said: Sequence[Sequence[Any]], action: str) -> Iterable[str]:
    for one in said:
        if one[0] != action or len(one) < 3:
            continue
        if action == "E" and one[1] != "search":
            continue
        named = str(one[2]) if action == "E" else str(one[1]).partition("/")[0]
        yield str(THINGS.get(named, named))


def _listed(kinds: Sequence[str], most: int = 4) -> str:
    if len(kinds) <= most:
        return ", ".join(kinds)
    more = ngettext("%(n)d more kind", "%(n)d more kinds", len(kinds) - most) % {"n": len(kinds) - most}
    return f"{', '.join(kinds[:most])}, {more}"


def role_of(who: Who) -> str:
    if who.roles:
        return ", ".join(str(ROLES.get(role, role)) for role in who.roles)
    return str(KINDS.get(who.kind, ""))


def name_of(who: Who) -> str:
    if who.kind == "system":
        return gettext("Careloop (%(part)s)") % {"part": who.name}
    return who.name or pgettext("who did it", "nobody who is known")


def outcome_of(row: Row) -> str:
    return {DENIED: pgettext("of an act", "refused"), FAILED: pgettext("of an act", "failed")}.get(
        row.outcome, ""
    )


def odd_words(code: str, values: Mapping[str, Any]) -> str:
    """One reason of an alert as a sentence."""
    known = {
        "own-record": gettext("It looks like the person’s own record: same name, same birth date."),
        "barred": gettext("This person is one whom the account must never see."),
        "same-surname": gettext("Both have the same last name."),
        "neighbor": gettext("Both live on the same street."),
        "vip": gettext("The record is marked as one of a well-known person."),
        "own-cover": gettext("A supervisor arranged that she covers for a colleague herself."),
        "no-relation": gettext("Nothing joins them: not the site, not a team, no work."),
        "portal-contact": gettext(
            "A phone or e-mail was added to which codes for the person’s pages can go."
        ),
        "portal-letter": gettext("A letter with a code for the person’s pages was handed out."),
    }
    if code == "said":
        return gettext(str(values.get("words", "")))
    if code == "died-long-ago":
        return gettext("This person died in %(year)s.") % values
    if code == "volume":
        return gettext("%(people)s people in one day; %(usual)s are usual.") % values
    if code == "night":
        return gettext("%(people)s records opened at night, while not on call.") % values
    if code == "unrelated":
        return gettext("%(people)s people found by search in one day, with nothing done for them.") % values
    said = known.get(code, code)
    return f"{said} {gettext('The door stayed shut.')}" if values.get("was_refused") else said


def alert_kind(kind: str) -> str:
    known = {
        "odd-access": gettext("Odd access"),
        "break-glass": gettext("Opened in an emergency"),
        "part2-emergency": gettext("Medical emergency under Part 2"),
        "cover": gettext("Cover by oneself"),
        "portal-access": gettext("A way into the person’s own pages"),
    }
    return known.get(kind, kind.replace("-", " ").capitalize())


def alert_state(state: str) -> str:
    return {
        "open": gettext("to decide"),
        "follow-up": gettext("being followed up"),
        "fine": gettext("fine"),
        "reported": gettext("reported"),
    }.get(state, state)
