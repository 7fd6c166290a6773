"""Which security labels a resource carries: by its codes, by who made it, by what was said of it, and by what it speaks
of. Pure; the rules are content/labels/. How it carries them: `carried`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from careloop.access import labels
from careloop.fhir import definitions, uris
from careloop.fhir.elements import Resource
from careloop.library.carried import codings_in, lifted_bits, meta_of
from careloop.library.labels import LabelRules, rules

# In what was looked up: an Organization whose records carry Part 2.
MAKES_PART2: Final = 1 << 20
# What a resource speaks of or is made from, so that its words may be those of the other: everything is inherited. Where
# it only happened in the same visit, just Part 2 is: a record of a program is one as a whole, while a blood pressure
# taken in a stay says nothing about the other diagnoses of that stay. A plan, a list, a team and an episode inherit
# nothing: they name many things by reference, each of which is judged itself. Who lets it reach further raises
# labels.FOLLOWED.
_SPEAKS_OF: Final = frozenset(
    {
        *(
            "about",
            "addresses",
            "basedOn",
            "basis",
            "derivedFrom",
            "detail",
            "focus",
            "hasMember",
            "implicated",
            "input",
            "medicationReference",
        ),
        *(
            "partOf",
            "reasonReference",
            "related",
            "relatesTo",
            "result",
            "securityContext",
            "service",
            "target",
        ),
        *("contentReference", "evidence", "payload", "section", "entry"),
    }
)
_HAPPENED_IN: Final = frozenset({"encounter", "context"})
_SPEAK_FOR_THEMSELVES: Final = frozenset(
    {"CarePlan", "CareTeam", "EpisodeOfCare", "List", "Patient", "Consent"}
)
# Their own labels say where somebody can be found or that she is well known: nothing about what names them.
_NOT_SPOKEN_OF: Final = frozenset(
    {
        *(
            "Patient",
            "Practitioner",
            "PractitionerRole",
            "Organization",
            "RelatedPerson",
            "Location",
            "CareTeam",
        ),
        *("HealthcareService", "Device", "Group", "Consent", "CarePlan", "List", "EpisodeOfCare"),
    }
)
# Who made it. Whoever is only asked (performer of a request, owner of a task) has not made it.
_MADE_BY: Final = frozenset(
    {
        *(
            "agent",
            "asserter",
            "author",
            "custodian",
            "informationSource",
            "managingOrganization",
            "performer",
        ),
        *("provider", "recorder", "requester", "sender", "serviceProvider", "source", "organization"),
    }
)
_ASKED: Final = frozenset({"performer", "owner", "intendedPerformer", "provider", "recipient"})
_REQUESTS: Final = frozenset(
    {"ServiceRequest", "Task", "MedicationRequest", "Appointment", "CommunicationRequest"}
)


@dataclass(frozen=True)
class Cited:
    """References whose labels matter, as they stand in the resource: what it speaks of, what it happened in, who made
    it, whom it asks."""

    speaks_of: frozenset[str]
    happened_in: frozenset[str]
    made_by: frozenset[str]
    asks: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.speaks_of | self.happened_in | self.made_by | self.asks


def labels_of(
    resource: Resource,
    looked_up: Mapping[str, int],
    known: LabelRules | None = None,
    found: Cited | None = None,
) -> int:
    """Label bits of a resource. looked_up: what is known of the references that `cited` names: their label bits, and
    MAKES_PART2 of an Organization; those missing carry nothing. found: what `cited` gives, where that is known."""
    known = known or rules()
    told = _Told(known)
    if about_somebody(resource["resourceType"]):
        told.read(resource)
    else:
        told.security(meta_of(resource).get("security"))
    own = told.content & ~lifted_bits(resource)
    return own | known.of_security(told.said) | _inherited(found or cited(resource), looked_up)


def _inherited(found: Cited, looked_up: Mapping[str, int]) -> int:
    spoken = _union(looked_up, found.speaks_of) & labels.SENSITIVE
    happened = _union(looked_up, found.happened_in) & labels.PART2
    made = labels.PART2 if _union(looked_up, found.made_by) & MAKES_PART2 else 0
    asked = labels.SUBSTANCE if _union(looked_up, found.asks) & MAKES_PART2 else 0
    return spoken | happened | made | asked


def _union(looked_up: Mapping[str, int], references: Iterable[str]) -> int:
    bits = 0
    for reference in references:
        bits |= looked_up.get(reference, 0)
    return bits


class _Told:
    """What a resource says about itself, anywhere in it. content: bits by codes and instruments; said: codes of
    security."""

    def __init__(self, known: LabelRules) -> None:
        self.known = known
        self.content = 0
        self.said: list[tuple[str, str]] = []

    def read(self, resource: Resource) -> None:
        if resource["resourceType"] == "Consent":
            self._consent(resource)
            return
        canonical = str(resource.get("questionnaire", "")) or str(resource.get("questionnaireUrl", ""))
        name = canonical.partition("|")[0].rpartition(":")[2].rpartition("/")[2]
        self.content |= self.known.instruments.get(name, 0)
        self._element(resource)

    def _consent(self, consent: Resource) -> None:
        """Its provisions name labels to speak about others; those who may see such things may see what was agreed, and
        nobody could keep a consent to Part 2 records that is one itself."""
        self.security(meta_of(consent).get("security"))
        found = self.known.of_security(_named_in(consent.get("provision")))
        if found & labels.PART2:
            found |= labels.SUBSTANCE
        self.content |= found & labels.SENSITIVE & ~labels.NEVER_BY_ROLE

    def security(self, codings: Any) -> None:
        self.said += [each for each in codings_in(codings) if each not in self.said]

    def _element(self, element: dict[str, Any]) -> None:
        code = element.get("code")
        if type(code) is str and type(system := element.get("system", "")) is str:
            self.content |= self.known.of_code(system, code)
        for name, value in element.items():
            if name == "meta":
                self.security(value.get("security") if isinstance(value, dict) else None)
            elif name == "securityLabel":
                for concept in value if isinstance(value, list) else ():
                    self.security(concept.get("coding") if isinstance(concept, dict) else None)
            elif name == "confidentiality" and type(value) is str:
                self.said.append(("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", value))
            elif type(value) is dict:
                self._element(value)
            elif type(value) is list:
                for each in value:
                    if type(each) is dict:
                        self._element(each)


def _named_in(provision: Any) -> Iterator[tuple[str, str]]:
    if isinstance(provision, dict):
        yield from codings_in(provision.get("securityLabel"))
        for inner in provision.get("provision") or ():
            yield from _named_in(inner)


@cache
def about_somebody(resource_type: str) -> bool:
    """Whether such a resource can be about a person, so that its codes say something of her."""
    extra = ("Task", "Bundle", "Binary", "Provenance", "Parameters", "Composition", "ServiceRequest")
    if resource_type in ("Practitioner", "Group", "Patient"):
        return resource_type == "Patient"
    return resource_type in extra or bool(definitions.compartment(resource_type))


# --- what it cites


def cited(resource: Resource) -> Cited:
    """The references of a resource that its labels hang on."""
    kind = resource["resourceType"]
    speaks: set[str] = set()
    happened: set[str] = set()
    made: set[str] = set()
    asks: set[str] = set()
    if not about_somebody(kind):
        return Cited(frozenset(), frozenset(), frozenset(), frozenset())
    is_request = kind in _REQUESTS
    for name, value in resource.items():
        if name in _SPEAKS_OF and kind not in _SPEAK_FOR_THEMSELVES:
            speaks.update(r for r in _references(value) if r.partition("/")[0] not in _NOT_SPOKEN_OF)
        if name == "extension" and kind not in _SPEAK_FOR_THEMSELVES:
            speaks.update(_followed(value))
        if name == "item" and kind == "QuestionnaireResponse":
            speaks.update(_filled_in(value))
        if name in _HAPPENED_IN:
            happened.update(_references(value))
            if isinstance(value, dict) and "related" in value:
                speaks.update(_references(value["related"]))
        if is_request and name in _ASKED:
            asks.update(_references(value))
        elif name in _MADE_BY and kind not in ("Patient", "Consent"):
            made.update(_references(value))
    source = str(meta_of(resource).get("source", "")).partition("#")[0]
    if source.startswith("Organization/") and kind != "Patient":
        made.add(source)
    happened -= speaks
    return Cited(frozenset(speaks), frozenset(happened), _makers(made), _makers(asks))


def _followed(extensions: Any) -> Iterator[str]:
    """What a line of a plan follows from, where FHIR has no element for it."""
    for each in extensions if isinstance(extensions, list) else ():
        if isinstance(each, dict) and each.get("url") == uris.FOLLOWS_FROM:
            yield from _references(each.get("valueReference"))


def _filled_in(items: Any) -> Iterator[str]:
    """Where answers were taken from that nobody was asked about since. What she said again is her word of today."""
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        for each in item.get("extension", ()):
            parts = (
                each.get("extension", ())
                if isinstance(each, dict) and each.get("url") == uris.FROM_RECORD
                else ()
            )
            if not any(part.get("url") == "confirmed" for part in parts):
                yield from _references(parts)
        yield from _filled_in(item.get("item"))
        for answer in item.get("answer", ()):
            yield from _filled_in(answer.get("item") if isinstance(answer, dict) else None)


def _makers(found: Iterable[str]) -> frozenset[str]:
    return frozenset(r for r in found if r.startswith(("Organization/", "PractitionerRole/")))


def _references(value: Any) -> Iterator[str]:
    """Those of this element and of what it holds."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        reference = value.get("reference")
        if type(reference) is str:
            yield reference.partition("#")[0].partition("/_history")[0]
        else:
            for inner in value.values():
                if isinstance(inner, dict | list):
                    yield from _references(inner)
