"""A case that is talked over: in a case review, or with a clinician who was asked. Pure: the words of the page and
FHIR's Communication, each from the other. Why these resources: docs/decisions/0092.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codeable, extension, fhir_instant, ref, text_of

Kind = Literal["case-review", "consultation"]
# English msgids, as the story says them.
TITLES: Final[dict[str, str]] = {
    "case-review": "Case reviewed",
    "consultation": "Consultation answered",
}
LONGEST: Final = 4_000


@dataclass(frozen=True, repr=False)
class Option:
    """pros, cons: what speaks for it and against it."""

    text: str
    pros: str = ""
    cons: str = ""


@dataclass(frozen=True, repr=False)
class Review:
    """known, tried: in the words of whoever brought it. decision: of the review, or the advice of who was asked."""

    known: str = ""
    tried: str = ""
    options: tuple[Option, ...] = ()
    decision: str = ""


@dataclass(frozen=True, repr=False)
class Talk:
    kind: Kind
    question: str
    review: Review

    @property
    def title(self) -> str:
        return TITLES[self.kind]


def to_communication(talk: Talk, patient: str, task: str, sender: Resource, now: datetime) -> Resource:
    """patient, task: references. sender: who wrote it down."""
    found: Resource = {
        "resourceType": "Communication",
        "status": "completed",
        "category": [codeable(uris.TALK, talk.kind, talk.title)],
        "subject": ref(patient),
        "about": [ref(task)],
        "sent": fhir_instant(now),
        "sender": sender,
        "payload": [_payload(part, text) for part, text in _parts(talk.review)],
    }
    if talk.question:
        found["topic"] = {"text": talk.question}
    return found


def _parts(review: Review) -> Iterator[tuple[str, str]]:
    said = [("known", review.known), ("tried", review.tried)]
    for option in review.options:
        said += [("option", option.text), ("for", option.pros), ("against", option.cons)]
    said.append(("decision", review.decision))
    yield from ((part, text.strip()[:LONGEST]) for part, text in said if text.strip())


def _payload(part: str, text: str) -> Resource:
    return {"extension": [{"url": uris.TALK_PART, "valueCode": part}], "contentString": text}


def talk_of(communication: Resource) -> Talk | None:
    """None for any other Communication."""
    kinds = (code_in(concept, uris.TALK) for concept in communication.get("category", ()))
    kind: Any = next((found for found in kinds if found in TITLES), None)
    if kind is None:
        return None
    return Talk(kind, text_of(communication.get("topic")), _review(communication))


def _review(communication: Resource) -> Review:
    """Whatever stands there without a part of ours is left where it is."""
    said = {"known": "", "tried": "", "decision": ""}
    options: list[dict[str, str]] = []
    for payload in communication.get("payload", ()):
        part, text = extension(payload, uris.TALK_PART), str(payload.get("contentString", ""))
        if part in said:
            said[part] = text
        elif part == "option":
            options.append({"text": text})
        elif part in ("for", "against") and options:
            options[-1]["pros" if part == "for" else "cons"] = text
    return Review(options=tuple(Option(**each) for each in options), **said)
