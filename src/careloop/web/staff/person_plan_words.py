"""How the plan's page says what changed, who has seen it, and who signed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import get_language, gettext, pgettext

from careloop.care.plan_changes import Change
from careloop.care.plan_seen import Standing
from careloop.projections.plan_history import Version
from careloop.projections.plan_seen import SeenBy, Signature
from careloop.web.staff.person_frame import Frame


@dataclass(frozen=True, repr=False)
class Told:
    """One change in the reader's language. tone: of its mark: new, changed, reached, ended, again."""

    tone: str
    word: str
    text: str
    reference: str


def told(change: Change) -> Told:
    language = get_language() or "en"
    return Told(change.kind, kind_words()[change.kind], change.says.get(language), change.reference)


def kind_words() -> dict[str, str]:
    return {
        "new": pgettext("what happened to a line of a plan", "new"),
        "changed": pgettext("what happened to a line of a plan", "changed"),
        "reached": pgettext("what happened to a line of a plan", "done"),
        "ended": pgettext("what happened to a line of a plan", "ended"),
        "again": pgettext("what happened to a line of a plan", "again"),
    }


@dataclass(frozen=True, repr=False)
class SeenLine:
    """One who must see the plan. says: in a sentence. is_current: she has seen what stands. can_tell: staff may write
    down that they went over it with her."""

    who: str
    name: str
    role: str
    says: str
    at: datetime | None
    is_current: bool
    can_tell: bool
    is_agency: bool


@dataclass(frozen=True, repr=False)
class SignedLine:
    """since: how many lines changed after it was signed; None when a newer signature of hers stands."""

    id: str
    name: str
    role: str
    how: str
    version: int
    at: datetime
    witness: str
    entered_by: str
    since: int | None
    digest: str


@dataclass(frozen=True, repr=False)
class SeenPage:
    lines: tuple[SeenLine, ...]
    signed: tuple[SignedLine, ...]
    versions: tuple[Version, ...]

    @property
    def waiting(self) -> tuple[SeenLine, ...]:
        return tuple(each for each in self.lines if not each.is_current)


def role_words() -> dict[str, str]:
    return {
        "doctor": pgettext("why somebody must see a plan", "doctor"),
        "owner": gettext("does a step"),
        "person": gettext("the person"),
        "representative": gettext("stands for the person"),
        "agency": gettext("an agency that does a step"),
        "clinician": gettext("clinician"),
        "coordinator": gettext("coordinator"),
    }


def how_words() -> dict[str, str]:
    return {
        "screen": gettext("on the screen, signed in"),
        "portal": gettext("on the person’s own page"),
        "verbal": gettext("by word of mouth"),
        "paper": gettext("on paper"),
        "spoken": gettext("gone over together"),
        "signed": gettext("by signing it"),
        "wrote": gettext("wrote it"),
    }


def seen_words(found: SeenBy, version: int, frame: Frame) -> SeenPage:
    newest = {each.who: each.reference for each in sorted(found.signatures, key=lambda s: s.at)}
    return SeenPage(
        tuple(_line(each, version) for each in found.standings),
        tuple(_signed(each, found, newest) for each in found.signatures),
        found.versions,
    )


def _line(each: Standing, version: int) -> SeenLine:
    name = each.must.name or gettext("Somebody without a name here")
    if each.is_current and each.seen:
        how = how_words().get(each.seen.how, "")
        says = gettext("has seen version %(n)d") % {"n": each.seen.version}
        says = f"{says}, {how}" if how else says
    elif each.seen:
        says = gettext("has not seen version %(n)d, only version %(old)d") % {
            "n": version,
            "old": each.seen.version,
        }
    else:
        says = gettext("has not seen version %(n)d") % {"n": version}
    return SeenLine(
        each.must.who,
        name,
        role_words()[each.must.role],
        says,
        each.seen.at if each.seen else None,
        each.is_current,
        not each.is_current and each.must.role != "owner",
        each.must.role == "agency",
    )


def _signed(each: Signature, found: SeenBy, newest: dict[str, str]) -> SignedLine:
    is_last = newest.get(each.who) == each.reference
    since = sum(change.is_material for change in found.since.get(each.reference, ())) if is_last else None
    return SignedLine(
        each.reference.partition("/")[2],
        each.name,
        role_words().get(each.role, each.role),
        how_words().get(each.how, each.how),
        each.version,
        each.at,
        each.witness,
        each.entered_by,
        since,
        each.digest.removeprefix("sha256:")[:12],
    )
