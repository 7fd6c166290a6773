"""What changed between two versions of a plan, in words for whoever asks: the coordinator, a clinician, the person and
her family, a partner agency. Pure.

Each audience is told what it can use: the person in plain words and as "you"; a partner only of lines that were shared
with it, and never our reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from careloop.care.plan_lines import ACHIEVEMENTS, NOTHING, Part, PlanLine, PlanState
from careloop.kernel.days import day_said
from careloop.library import Words

Audience = Literal["coordinator", "clinician", "person", "partner"]
Kind = Literal["new", "changed", "reached", "ended", "again"]
Field = Literal["text", "target", "due", "owner", "achievement"]
_ALL: Final[frozenset[Field]] = frozenset({"text", "target", "due", "owner", "achievement"})


@dataclass(frozen=True)
class Shows:
    """fields: of each part, which ones are told; a part that is not named is not told at all."""

    fields: Mapping[Part, frozenset[Field]]
    is_plain: bool = False
    with_because: bool = True


SHOWS: Final[Mapping[Audience, Shows]] = {
    "coordinator": Shows({"need": _ALL, "goal": _ALL, "step": _ALL, "barrier": _ALL}),
    # When somebody else does her part is the coordinator's to follow.
    "clinician": Shows({"need": _ALL, "goal": _ALL, "step": _ALL - {"due"}, "barrier": _ALL}),
    "person": Shows({"need": _ALL, "goal": _ALL, "step": _ALL, "barrier": _ALL}, is_plain=True),
    "partner": Shows({"goal": _ALL - {"achievement"}, "step": _ALL}, with_because=False),
}
AUDIENCES: Final[tuple[Audience, ...]] = tuple(SHOWS)


@dataclass(frozen=True, repr=False)
class Change:
    """says: one line, in each language. fields: what of it changed. was, now: versions of the line, 0 for none."""

    kind: Kind
    part: Part
    reference: str
    says: Words
    because: Words = NOTHING
    fields: tuple[Field, ...] = ()
    was: int = 0
    now: int = 0

    def __repr__(self) -> str:
        return f"Change({self.kind} {self.reference})"

    @property
    def is_material(self) -> bool:
        """A step that was done is how a plan goes on; all else is another plan than the one that was read."""
        return not (self.kind == "reached" and self.part == "step")


def changes(
    before: PlanState,
    after: PlanState,
    audience: Audience,
    *,
    person: str = "",
    only: Collection[str] | None = None,
) -> tuple[Change, ...]:
    """In the order of the plan. person: her reference, to be told as "you". only: references that a partner was or is
    shown; None for all."""
    shows = SHOWS[audience]
    found: list[Change] = []
    for reference in (*after.lines, *(r for r in before.lines if r not in after.lines)):
        if only is None or reference in only:
            was, now = before.lines.get(reference), after.lines.get(reference)
            found += _of_line(was, now, _Telling(shows, person))
    return tuple(found)


@dataclass(frozen=True)
class _Telling:
    shows: Shows
    person: str


def _of_line(was: PlanLine | None, now: PlanLine | None, telling: _Telling) -> Iterable[Change]:
    line = now or was
    if line is None or line.part not in telling.shows.fields:
        return
    if now is None:  # it was deleted, or became a proposal again
        if was is not None and was.state != "ended":
            yield _told("ended", was, telling, NOTHING)
        return
    if was is None:
        if now.state != "ended":
            # Her own copy keeps to what is new: reasons of ours may speak of scores.
            came = NOTHING if telling.shows.is_plain else now.came_with
            yield _told("new", now, telling, now.because if now.because.en else came)
            if now.state == "reached":
                yield _told("reached", now, telling, NOTHING)
        return
    if was.state != now.state:
        kind: Kind = "ended" if now.state == "ended" else "reached" if now.state == "reached" else "again"
        if not (was.state == "ended" and kind == "reached"):
            yield _told(kind, now, telling, now.because)
            return
        yield _told("again", now, telling, now.because)
        return
    if now.state == "ended":
        return
    if differing := _differing(was, now, telling.shows.fields[now.part]):
        yield _changed(was, now, differing, telling)


def _differing(was: PlanLine, now: PlanLine, fields: frozenset[Field]) -> tuple[Field, ...]:
    pairs: tuple[tuple[Field, bool], ...] = (
        ("text", was.text.en != now.text.en),
        ("target", was.target != now.target),
        ("due", was.due != now.due),
        ("owner", (was.owned_by, was.owner) != (now.owned_by, now.owner)),
        ("achievement", was.achievement != now.achievement),
    )
    return tuple(field for field, differs in pairs if differs and field in fields)


# --- in words

_HEADS: Final[Mapping[Kind, Mapping[Part, Words]]] = {
    "new": {
        "need": Words("New need", "Necesidad nueva"),
        "goal": Words("New goal", "Meta nueva"),
        "step": Words("New step", "Paso nuevo"),
        "barrier": Words("New, in the way", "Nuevo obstáculo"),
    },
    "changed": {
        "need": Words("Need changed", "Cambió la necesidad"),
        "goal": Words("Goal changed", "Cambió la meta"),
        "step": Words("Step changed", "Cambió el paso"),
        "barrier": Words("In the way, changed", "Cambió el obstáculo"),
    },
    "reached": {
        "need": Words("Need met", "Necesidad resuelta"),
        "goal": Words("Goal reached", "Meta alcanzada"),
        "step": Words("Step done", "Paso hecho"),
        "barrier": Words("No longer in the way", "Ya no estorba"),
    },
    "ended": {
        "need": Words("Need ended", "Terminó la necesidad"),
        "goal": Words("Goal ended", "Terminó la meta"),
        "step": Words("Step ended", "Terminó el paso"),
        "barrier": Words("Taken off: was in the way", "Se quitó el obstáculo"),
    },
    "again": {
        "need": Words("Need taken up again", "Se retomó la necesidad"),
        "goal": Words("Goal taken up again", "Se retomó la meta"),
        "step": Words("Step taken up again", "Se retomó el paso"),
        "barrier": Words("In the way again", "Estorba otra vez"),
    },
}
# Sixth-grade words, for whom it is about.
_PLAIN: Final[Mapping[Kind, Mapping[Part, Words]]] = {
    "new": {
        "need": Words("New", "Nuevo"),
        "goal": Words("New: we try for", "Nuevo: queremos lograr"),
        "step": Words("New to do", "Nuevo por hacer"),
        "barrier": Words("New: this makes it hard", "Nuevo: esto lo hace difícil"),
    },
    "changed": dict.fromkeys(("need", "goal", "step", "barrier"), Words("Changed", "Cambió")),
    "reached": {
        "need": Words("Solved", "Resuelto"),
        "goal": Words("Reached", "Se logró"),
        "step": Words("Done", "Hecho"),
        "barrier": Words("No longer in the way", "Ya no estorba"),
    },
    "ended": dict.fromkeys(("need", "goal", "step", "barrier"), Words("We stopped", "Ya no seguimos con")),
    "again": dict.fromkeys(
        ("need", "goal", "step", "barrier"), Words("We do this again", "Lo hacemos otra vez")
    ),
}
_BECAUSE: Final = Words("Because", "Motivo")
_WHY: Final = Words("Why", "Por qué")
_YOU: Final = Words("you", "usted")
_NOBODY: Final = Words("nobody yet", "nadie todavía")
_TEAM: Final = Words("our team", "nuestro equipo")


def _told(kind: Kind, line: PlanLine, telling: _Telling, because: Words) -> Change:
    heads = _PLAIN if telling.shows.is_plain else _HEADS
    rest = _rest(line, telling) if kind in ("new", "again") else NOTHING
    why = because if telling.shows.with_because else NOTHING
    says = Words(
        *(
            f"{heads[kind][line.part].get(tongue)}: {_text(line, tongue)}"
            f"{f' ({rest.get(tongue)})' if rest.en else ''}{_why(why, telling, tongue)}"
            for tongue in ("en", "es")
        )
    )
    was = 0 if kind == "new" else line.version
    return Change(kind, line.part, line.reference, says, why, (), was, line.version)


def _rest(line: PlanLine, telling: _Telling) -> Words:
    """Who does it, and until when."""
    parts = []
    if line.target.en and line.part == "goal":
        parts.append(line.target)
    if line.part == "step":
        parts.append(_owner(line, telling))
    if line.due:
        parts.append(_by(line.due))
    return Words(*(", ".join(part.get(tongue) for part in parts) for tongue in ("en", "es")))


def _changed(was: PlanLine, now: PlanLine, fields: tuple[Field, ...], telling: _Telling) -> Change:
    heads = _PLAIN if telling.shows.is_plain else _HEADS
    why = now.because if telling.shows.with_because and now.because != was.because else NOTHING
    told = []
    for tongue in ("en", "es"):
        said = "; ".join(_difference(field, was, now, telling).get(tongue) for field in fields)
        head = heads["changed"][now.part].get(tongue)
        subject = "" if fields == ("text",) else f"{_text(now, tongue)}: "
        told.append(f"{head}: {subject}{said}{_why(why, telling, tongue)}")
    return Change("changed", now.part, now.reference, Words(*told), why, fields, was.version, now.version)


def _difference(field: Field, was: PlanLine, now: PlanLine, telling: _Telling) -> Words:
    if field == "text":
        return Words(
            f"{_text(now, 'en')} (before: {_text(was, 'en')})",
            f"{_text(now, 'es')} (antes: {_text(was, 'es')})",
        )
    if field == "achievement":
        return _was(_achieved(now), _achieved(was))
    if field == "owner":
        one, other = _owner(now, telling), _owner(was, telling)
        return _was(Words(f"who: {one.en}", f"quién: {one.es}"), other)
    if field == "target":
        return _was(now.target if now.target.en else Words("no number", "sin número"), was.target)
    return _was(_by(now.due), _by(was.due))


def _was(now: Words, was: Words) -> Words:
    if not was.en:
        return now
    return Words(f"{now.en} (was {was.en})", f"{now.es} (antes: {was.es})")


def _achieved(line: PlanLine) -> Words:
    return ACHIEVEMENTS.get(line.achievement, Words("", ""))


def _by(on: date | None) -> Words:
    if on is None:
        return Words("no day", "sin fecha")
    return Words(f"by {day_said(on, 'en')}", f"para el {day_said(on, 'es')}")


def _owner(line: PlanLine, telling: _Telling) -> Words:
    if telling.shows.is_plain and line.owned_by and line.owned_by == telling.person:
        return _YOU
    if line.owner:
        return Words(line.owner, line.owner)
    return _TEAM if telling.shows.is_plain else _NOBODY


def _text(line: PlanLine, tongue: str) -> str:
    return line.text.get(tongue) or line.text.en


def _why(because: Words, telling: _Telling, tongue: str) -> str:
    said = (because.get(tongue) or because.en).strip().rstrip(".")
    if not said:
        return ""
    return f". {(_WHY if telling.shows.is_plain else _BECAUSE).get(tongue)}: {said}"
