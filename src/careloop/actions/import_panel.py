"""A panel of people by CSV: first a dry run, then written in batches. A second run doubles nothing.

Whom we know already stays as she is; who looks like somebody is left for a person to decide; a faulty row is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, Literal

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.enroll_person import begin_enrollment, program_named
from careloop.actions.panel_file import (
    BadPanel,
    Line,
    Mapped,
    Panel,
    guess,
    lines_of,
    mapping_problem,
    read_panel,
)
from careloop.actions.register_person import authority_of
from careloop.care.identify import Ambiguous, Facts, Match, facts_of, identify
from careloop.care.register import Told, new_patient
from careloop.fhir import uris
from careloop.fhir.elements import Resource, identifier_in
from careloop.library import Library
from careloop.projections import identity
from careloop.projections.finder import candidates, sharing
from careloop.projections.finder_words import digits_in, number_in, words_in
from careloop.store import Stored, Unit

BATCH: Final = 200
SAME: Final = "The same person stands in an earlier row."
Outcome = Literal["new", "known", "unsure", "error", "twice"]


@dataclass(frozen=True, repr=False)
class Finding:
    """About one row. person: Patient reference of whom it is, or looks like. sentence: English msgid; other_row: the
    earlier row that it is, or looks like. field: of Told, for `error`."""

    row: int
    outcome: Outcome
    sentence: str = ""
    field: str = ""
    person: str = ""
    other_row: int = 0

    def __repr__(self) -> str:
        return f"Finding({self.row}, {self.outcome})"


@dataclass
class Report:
    """counts: rows by outcome. findings: those that a person should look at, in order. done: rows looked at so far."""

    panel: Panel
    mapped: Mapped
    is_dry: bool
    counts: dict[Outcome, int] = field(default_factory=lambda: defaultdict(int))
    findings: list[Finding] = field(default_factory=list)
    done: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.counts.get("error") and not self.counts.get("unsure")

    def add(self, found: Finding) -> None:
        self.counts[found.outcome] += 1
        if found.outcome in ("error", "unsure", "twice"):
            self.findings.append(found)

    def text(self) -> str:
        """The plain summary of the command; no names."""
        columns = ", ".join(f"{name} from “{self.panel.columns[n]}”" for name, n in self.mapped.items())
        verb = "would be added" if self.is_dry else "added"
        lines = [
            f"{len(self.panel.rows):,} rows ({self.panel.encoding}, {self.panel.delimiter_name}).",
            f"Columns: {columns}.",
            f"{self.counts.get('new', 0):,} {verb}, {self.counts.get('known', 0):,} known already,"
            f" {self.counts.get('twice', 0):,} twice in the file, {self.counts.get('unsure', 0):,} look like somebody"
            f" (decide by hand), {self.counts.get('error', 0):,} with a fault.",
        ]
        lines += [
            f"  row {each.row}: {f'{each.field}: ' if each.field else ''}{each.sentence}"
            for each in self.findings[:50]
        ]
        if len(self.findings) > 50:
            lines.append(f"  … and {len(self.findings) - 50:,} more rows.")
        if self.is_dry:
            lines.append("This was a dry run: nothing was written. Add --apply to write.")
        return "\n".join(lines)


def import_panel(
    scope: Scope,
    data: bytes,
    *,
    site: str,
    now: datetime,
    mapped: Mapped | None = None,
    dry_run: bool = True,
    program: str = "",
    library: Library | None = None,
    first: int = 0,
    most: int | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> Report:
    """site: Organization id. mapped: field -> column, guessed when not told. program: everybody new or known goes to
    its front door. first, most: only these rows, for work in parts; the rest of the file still tells who stands twice.

    Raises BadPanel."""
    panel = read_panel(data)
    mapped = guess(panel.columns) if mapped is None else mapped
    if problem := mapping_problem(mapped):
        raise BadPanel(problem)
    lines = lines_of(panel, mapped, now.date())
    report = Report(panel, mapped, dry_run)
    twice = _twice(lines)
    last = len(lines) if most is None else min(first + most, len(lines))
    wanted = program_named(library, program) if program and library else None
    for start in range(first, last, BATCH):
        batch = lines[start : min(start + BATCH, last)]
        with record.begin(scope, now) as unit:
            for found in _batch(unit, batch, twice, site, is_dry=dry_run):
                report.add(found.finding)
                if not dry_run:
                    _write(unit, found, wanted)
        progress(len(batch))
    report.done = last
    return report


@dataclass(frozen=True, repr=False)
class _Seen:
    finding: Finding
    patient: Resource | None = None

    def __repr__(self) -> str:
        return repr(self.finding)


def _batch(
    unit: Unit, lines: Sequence[Line], twice: Mapping[int, Finding], site: str, *, is_dry: bool
) -> Iterable[_Seen]:
    if not is_dry:
        identity.one_at_a_time(unit)
    authority = authority_of(unit, site)
    good = [line for line in lines if not line.problems and line.number not in twice]
    made = {line.number: _patient(line.told, site, authority) for line in good}
    known = _Known(unit, list(made.values()))
    seen: list[_Seen] = []
    for line in lines:
        if line.problems:
            name, sentence = next(iter(line.problems.items()))
            seen.append(_Seen(Finding(line.number, "error", sentence, name)))
        elif line.number in twice:
            seen.append(_Seen(twice[line.number]))
        else:
            patient = made[line.number]
            seen.append(_Seen(known.judge(line.number, patient), patient))
    return seen


def _write(unit: Unit, seen: _Seen, program: Any) -> None:
    finding, patient = seen.finding, None
    if finding.outcome == "new" and seen.patient:
        patient = unit.create(seen.patient)
    elif finding.outcome == "known" and program:
        patient = unit.get([finding.person]).get(finding.person)
    if patient is not None and program:
        begin_enrollment(unit, patient, program)


def _patient(told: Told, site: str, authority: str) -> Resource:
    """With a key of its own row, so that the same row is the same person forever."""
    patient = new_patient(told, f"Organization/{site}", authority)
    parts = (
        site,
        told.mrn,
        told.given,
        told.family,
        told.birth_date,
        told.phone,
        told.street,
        told.postal_code,
    )
    key = sha256("\n".join(part.casefold() for part in parts).encode()).hexdigest()[:32]
    own: Resource = {"use": "secondary", "system": uris.DEDUPE, "value": f"panel:{key}"}
    return {**patient, "identifier": [*patient.get("identifier", ()), own]}


# Twice in one file


def _twice(lines: Sequence[Line]) -> dict[int, Finding]:
    """Rows that are, or may be, the person of an earlier row: the same record number, or the same likeness that would
    be found in the record once the earlier row stands there."""
    found: dict[int, Finding] = {}
    by_key: dict[tuple[str, str], list[tuple[int, Facts]]] = defaultdict(list)
    for line in lines:
        if line.problems:
            continue
        facts = facts_of(_patient(line.told, "", "urn:row"))
        keys = _keys(facts)
        earlier = {row: other for key in keys for row, other in by_key[key]}
        if finding := _of_earlier(line.number, facts, earlier):
            found[line.number] = finding
            continue
        for key in keys:
            by_key[key].append((line.number, facts))
    return found


def _keys(facts: Facts) -> list[tuple[str, str]]:
    """What two rows share when it is worth comparing them."""
    keys = [("n", number) for _, number in facts.numbers] + [("p", number) for number in facts.phones]
    words = {word[:2] for name in facts.names for part in name[:2] for word in words_in(part)}
    return keys + [("b", f"{facts.birth_date} {word}") for word in words if facts.birth_date]


def _of_earlier(row: int, facts: Facts, earlier: Mapping[int, Facts]) -> Finding | None:
    for other, theirs in sorted(earlier.items()):
        answer = identify(facts, [_named(theirs)])
        if facts.numbers & theirs.numbers or isinstance(answer, Match):
            return Finding(row, "twice", SAME, other_row=other)
        if isinstance(answer, Ambiguous):
            return Finding(row, "unsure", answer.because, other_row=other)
    return None


def _named(facts: Facts) -> Facts:
    return Facts(
        "Patient/row", facts.numbers, facts.names, facts.birth_date, facts.phones, facts.places, facts.gender
    )


# Whom we know


class _Known:
    """Whoever in the record could be one of these, fetched at once. A shared birth date alone is nobody: the names have
    to begin alike somewhere."""

    def __init__(self, unit: Unit, patients: Sequence[Resource]) -> None:
        self._unit = unit
        self._by_row_key = _by_row_key(unit, patients)
        facts = [facts_of(each) for each in patients]
        self._by: dict[tuple[str, str], set[str]] = defaultdict(set)
        for _, id, born, words, phones, numbers in _finder_rows(unit, facts):
            keys = [("phone", each) for each in phones] + [("number", each) for each in numbers]
            keys += [("born", f"{born} {word[:2]}") for word in str(words).split()] if born else []
            for key in keys:
                self._by[key].add(f"Patient/{id}")
        wanted = {reference for each in facts for reference in self._references(each)}
        self._facts = {reference: facts_of(stored.resource) for reference, stored in unit.get(wanted).items()}

    def judge(self, number: int, patient: Resource) -> Finding:
        key = identifier_in(patient, uris.DEDUPE)
        if key in self._by_row_key:
            return Finding(number, "known", person=self._by_row_key[key])
        facts = facts_of(patient)
        nearby = [self._facts[r] for r in sorted(self._references(facts)) if r in self._facts]
        answer = identify(facts, nearby or self._alone(patient, facts))
        if isinstance(answer, Match):
            return Finding(number, "known", person=answer.person)
        if isinstance(answer, Ambiguous):
            return Finding(number, "unsure", answer.because, person=answer.candidates[0])
        return Finding(number, "new")

    def _references(self, facts: Facts) -> set[str]:
        keys = [("phone", each) for each in facts.phones]
        keys += [("number", number_in(number)) for _, number in facts.numbers]
        if facts.birth_date:
            words = [word for name in facts.names for part in name[:2] for word in words_in(part)]
            keys += [("born", f"{facts.birth_date} {word[:2]}") for word in words]
        return {reference for key in keys for reference in self._by.get(key, ())}

    def _alone(self, patient: Resource, facts: Facts) -> list[Facts]:
        """Without a birth date a name in the same ZIP code has to do: one look-up of its own."""
        if facts.birth_date:
            return []
        named = patient["name"][0]
        postal = next((each.get("postalCode") for each in patient.get("address", ())), None)
        found = (
            candidates(self._unit, names=[named["family"], *named["given"]], postal=postal) if postal else []
        )
        people = self._unit.get([f"Patient/{each.id}" for each in found])
        return [facts_of(stored.resource) for stored in people.values()]


def _by_row_key(unit: Unit, patients: Sequence[Resource]) -> dict[str | None, str]:
    keys = [f"{uris.DEDUPE}|{identifier_in(each, uris.DEDUPE)}" for each in patients]
    if not keys:
        return {}
    found: list[Stored] = unit.search(
        "Patient", [("identifier", ",".join(keys)), ("_count", str(BATCH))]
    ).entries
    return {identifier_in(each.resource, uris.DEDUPE): each.reference for each in found}


def _finder_rows(unit: Unit, facts: Sequence[Facts]) -> list[tuple[Any, ...]]:
    """(person, id, birth date, words, phones, numbers) of whoever shares a number, a phone or a birth date."""
    return sharing(
        unit,
        numbers={number_in(number) for each in facts for _, number in each.numbers},
        phones={digits_in(phone) for each in facts for phone in each.phones},
        births={date.fromisoformat(each.birth_date) for each in facts if each.birth_date},
    )
