"""Questions from elsewhere as the record holds them: found by their name or address, compiled once a version, and bound
to the person they are asked of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from careloop.actions.propose_plan import zone_of
from careloop.care.assess import instrument_answered
from careloop.fhir.definitions import RESOURCE_TYPES, codes
from careloop.fhir.elements import Resource
from careloop.fhir.outcome import Issue
from careloop.fhir.questionnaire import BadQuestionnaire, Known, Reading, enabled, told
from careloop.fhir.questionnaire.form import Expression, Form
from careloop.kernel.errors import CareError, Conflict, Forbidden, NotFound, Unprocessable
from careloop.library import Instrument, Library
from careloop.library.adopting import PREFIX, Adopted, adopt, bound
from careloop.store import Stored, Unit

# What may still be asked; a retired form is kept for the answers that name it.
ASKED: Final = ("active", "draft")
MOST_LISTED: Final = 200
_MOST_FOUND: Final = 50
_OURS: Final = "http://hl7.org/fhir/ValueSet/"


class RetiredQuestions(Conflict):
    """These questions are not asked any more. Look in the library for what took their place."""

    code = "retired-questions"


class QuestionsRefused(Unprocessable):
    """These questions can’t be asked as they are written. Nothing was stored."""

    code = "questions-refused"

    def __init__(self, detail: str = "", **fields: Any) -> None:
        super().__init__(detail, **fields)
        self.issues = [Issue("error", "invalid", "Questionnaire.item", detail)]


def instrument_in(unit: Unit, library: Library, name: str, person: Stored | None = None) -> Instrument:
    """name: of one of ours, or `Questionnaire-<id>`. person: whom it is asked, for what its expressions read.
    Raises NotFound, QuestionsRefused."""
    if name in library.instruments:
        return library.instruments[name]
    if not name.startswith(PREFIX):
        raise NotFound(f"“{name[:80]}”.")
    found = adopted(unit, library, unit.read("Questionnaire", name.removeprefix(PREFIX)))
    return about(unit, found, person) if person else found


def instrument_for(
    unit: Unit, library: Library, canonical: str, person: Stored | None = None
) -> Instrument | None:
    """What a response answers: ours, else a stored Questionnaire of that address (and version, when it says one) that
    can be read; None when there is none."""
    ours = instrument_answered(library, canonical)
    if ours is not None or not canonical:
        return ours
    stored = by_address(unit, canonical)
    if stored is None:
        return None
    try:
        found = adopted(unit, library, stored)
    except QuestionsRefused:
        return None
    return about(unit, found, person) if person else found


def by_address(unit: Unit, canonical: str) -> Stored | None:
    """The newest that may be asked; `Questionnaire/<id>` as well. None also for who may not read them."""
    if not unit.may_search("Questionnaire"):
        return None
    if canonical.startswith("Questionnaire/"):
        return unit.get([canonical]).get(canonical)  # a form that has no address of its own
    url, _, version = canonical.partition("|")
    wanted = [("url", url), *([("version", version)] if version else []), ("_count", "20")]
    if not url or any(mark in url for mark in ",$|"):
        return None
    found = sorted(unit.search("Questionnaire", wanted).entries, key=lambda s: (_rank(s), s.at), reverse=True)
    return found[0] if found else None


def _rank(stored: Stored) -> int:
    return {"active": 2, "draft": 1}.get(str(stored.resource.get("status")), 0)


def listed(unit: Unit, library: Library, *, is_brief: bool = False) -> Iterator[Adopted]:
    """Those that may be asked, by title; one that can't be read any more is left out. is_brief: for their names alone,
    without looking up stored value sets."""
    if not unit.may_search("Questionnaire"):
        return
    found = unit.search("Questionnaire", [("status", ",".join(ASKED)), ("_count", str(MOST_LISTED))]).entries
    for stored in sorted(
        found, key=lambda s: str(s.resource.get("title") or s.resource.get("name") or "").casefold()
    ):
        try:
            yield _of(library, stored, {} if is_brief else _value_sets(unit, stored.resource))
        except QuestionsRefused:
            continue


def adopted(unit: Unit, library: Library, stored: Stored) -> Adopted:
    """Raises QuestionsRefused with the linkId and the reason."""
    return _of(library, stored, _value_sets(unit, stored.resource))


def is_retired(instrument: Instrument) -> bool:
    return isinstance(instrument, Adopted) and instrument.questionnaire.get("status") not in ASKED


def _of(library: Library, stored: Stored, held: Mapping[str, Stored]) -> Adopted:
    sets = sorted((url, each.id, each.version) for url, each in held.items())
    key = _Key(stored.resource, held, (stored.id, stored.version, stored.at, *sets))
    return _compiled(key, library.path, _Known(library))


def checked(unit: Unit, library: Library, questionnaire: Resource) -> Adopted:
    """One that is not stored."""
    held = _value_sets(unit, questionnaire)
    sets = sorted((url, each.id, each.version) for url, each in held.items())
    key = _Key(questionnaire, held, (str(questionnaire), 1, *sets))
    return _compiled(key, library.path, _Known(library))


class _Key:
    """A stored version, and those of the value sets that it names: the same key is the same form."""

    def __init__(self, questionnaire: Resource, held: Mapping[str, Stored], parts: tuple[Any, ...]) -> None:
        self.questionnaire, self.held = questionnaire, held
        self.parts = parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.parts == other.parts


class _Known:
    """A library is as good as another of the same folder: it is loaded once."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def __hash__(self) -> int:
        return hash(self.library.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.library.path == other.library.path


@lru_cache(maxsize=128)
def _compiled(key: _Key, path: Any, known: _Known) -> Adopted:
    sets = {url: stored.resource for url, stored in key.held.items()}
    own = {
        url: made for url in _named_sets(key.questionnaire) if url not in sets and (made := _of_standard(url))
    }
    try:
        return adopt(key.questionnaire, key.parts[1], known.library.instruments.values(), {**own, **sets})
    except BadQuestionnaire as bad:
        raise QuestionsRefused(bad.detail) from bad


def _value_sets(unit: Unit, questionnaire: Resource) -> dict[str, Stored]:
    """Stored ValueSets that its questions name."""
    found: dict[str, Stored] = {}
    if not unit.may_search("ValueSet"):
        return found
    for url in sorted(_named_sets(questionnaire))[:100]:
        if any(mark in url for mark in ",$|?"):
            continue
        page = unit.search("ValueSet", [("url", url), ("_count", "5")])
        if page.entries:
            found[url] = max(page.entries, key=lambda s: s.at)
    return found


def _named_sets(element: Resource) -> set[str]:
    found: set[str] = set()
    for item in element.get("item", ()):
        named = str(item.get("answerValueSet", "")).partition("|")[0]
        if named and not named.startswith("#"):
            found.add(named)
        found |= _named_sets(item)
    return found


def _of_standard(url: str) -> Resource | None:
    """The closed code lists of R4 itself, as far as the definitions hold them: codes without displays."""
    listed_codes = codes(url.removeprefix(_OURS)) if url.startswith(_OURS) else None
    if not listed_codes:
        return None
    include = [
        {"system": system, "concept": [{"code": code} for code in sorted(each)]}
        for system, each in listed_codes.items()
    ]
    return {"resourceType": "ValueSet", "url": url, "compose": {"include": include}}


# --- bound to a person


def about(unit: Unit, found: Adopted, person: Stored, encounter: Resource | None = None) -> Adopted:
    """What its expressions may read: the person, who asks, the day where she lives, and what its queries find."""
    zone = ZoneInfo(zone_of(person.resource))
    now = unit.now.astimezone(zone)
    resources: dict[str, Any] = {"patient": person.resource, "subject": person.resource}
    me = unit.scope.actor.practitioner
    if me and (practitioner := unit.get([me]).get(me)):
        resources["user"] = practitioner.resource
    if encounter:
        resources["encounter"] = encounter
    known = Known(today=now.date(), now=now, zone=zone, resources=resources)
    form = told(found.form, known)
    if queries := _queries(form):
        queried = {name: _asked(unit, form, each, person) for name, each in queries.items()}
        form = told(found.form, Known(known.today, known.now, zone, resources, queried))
    return bound(found, form)


def _queries(form: Form) -> dict[str, Expression]:
    found = [*form.variables]
    for item in form.items:
        found += [*item.variables, *([item.repeated_for] if item.repeated_for else [])]
    return {each.name: each for each in found if each.is_query and each.name}


def _asked(unit: Unit, form: Form, query: Expression, person: Stored) -> tuple[Any, ...]:
    """What a query finds in this person's record and in the directory, as far as whoever asks may see it. A query that
    leads elsewhere, or that can't be understood, finds nothing."""
    text = _filled(form, query.text)
    kind, _, rest = text.partition("?")
    if kind not in RESOURCE_TYPES or not rest or not unit.may_search(kind):
        return ()
    pairs = [pair for pair in parse_qsl(rest) if pair[0] not in ("_include", "_revinclude", "_count")]
    try:
        page = unit.search(kind, [*pairs, ("_count", str(_MOST_FOUND))])
    except Forbidden:
        return ()
    except CareError:
        return ()
    return tuple(s.resource for s in page.entries if s.person in (person.rid, None, 0))


def _filled(form: Form, text: str) -> str:
    """`{{%patient.id}}` by what it stands for."""
    reading = Reading(form, {}, enabled(form, {}))
    parts = text.split("{{")
    made = parts[0]
    for part in parts[1:]:
        expression, _, rest = part.partition("}}")
        try:
            found = reading.found(Expression(expression.strip()), None)
        except ValueError:
            found = []
        made += (str(found[0]) if found else "") + rest
    return made
