"""Risk scores worked out from the record: content/risks/<id>/risk.yaml, SOURCE.md and cases/.

Three kinds: `points` (measures of one stay or person, each with points), `groups` (diagnoses in groups, each with a
weight) and `model` (a published model behind an adapter). What the record can't know names the question that asks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from careloop.library.instruments import Case, Instrument, load_cases
from careloop.library.reading import Node, Words, read_one

KINDS: Final = ("points", "groups", "model")
OF: Final = ("stay", "person")
# What a score may read of a record; care/risk_measures.py works each of them out.
MEASURES: Final = (
    *("stay_days", "urgent_admission", "comorbidity", "emergency_visits", "hemoglobin_at_discharge"),
    *("sodium_at_discharge", "oncology_service", "procedure_in_stay", "admissions_year"),
    *("medicare_reason", "medicare_over_a_year", "long_term_institution", "medicaid_kind"),
)
REQUIRED: Final = ("id", "version", "title", "short", "about", "outcome", "kind", "of", "source")
OPTIONAL: Final = (
    *("window_days", "minimum_age", "codes", "lines", "elements", "maximum", "bands", "model"),
    "needs_coverage",
)


@dataclass(frozen=True)
class Range:
    """From `first` on (None: from the least), below `below` (None: without an end)."""

    first: Decimal | None
    below: Decimal | None
    points: Decimal

    def holds(self, value: Decimal) -> bool:
        return (self.first is None or self.first <= value) and (self.below is None or value < self.below)


@dataclass(frozen=True)
class RiskElement:
    """One line of a score. ranges: points by the measure; a yes counts as 1, a no as 0. lacking: the sentence when it
    is not known. asked: the question that asks for it, `risk-questions/unplanned`; empty for none."""

    id: str
    text: Words
    measure: str
    lacking: Words
    ranges: tuple[Range, ...] = ()
    asked: str = ""


@dataclass(frozen=True)
class CodeLine:
    """Diagnoses that count together. codes: how their ICD-10-CM code begins, without the dot. instead_of: lines that
    don't count beside it."""

    id: str
    text: Words
    codes: tuple[str, ...]
    points: Decimal
    instead_of: tuple[str, ...] = ()

    def holds(self, code: str) -> bool:
        return code.startswith(self.codes)


@dataclass(frozen=True)
class RiskBand:
    first: Decimal
    last: Decimal
    code: str
    text: Words


@dataclass(frozen=True)
class Risk:
    """of: a stay, for window_days after it ended, or the person. outcome: what it speaks of. model: the name of the
    published model, of kind `model`. needs_coverage: kinds of insurance without which nothing is scored."""

    id: str
    version: int
    title: Words
    short: Words
    about: Words
    outcome: Words
    kind: str
    of: str
    source: str
    window_days: int = 0
    minimum_age: int = 0
    lines: tuple[CodeLine, ...] = ()
    elements: tuple[RiskElement, ...] = ()
    maximum: Decimal | None = None
    bands: tuple[RiskBand, ...] = ()
    model: str = ""
    needs_coverage: tuple[str, ...] = ()
    source_text: str = field(default="", repr=False)
    cases: tuple[Case, ...] = field(default=(), repr=False)
    file: str = ""

    def band(self, value: Decimal) -> RiskBand | None:
        return next((band for band in self.bands if band.first <= value <= band.last), None)

    def element(self, id: str) -> RiskElement | None:
        return next((each for each in self.elements if each.id == id), None)

    @property
    def asked(self) -> tuple[str, ...]:
        """The questions that fill what the record can't know."""
        return tuple(dict.fromkeys(each.asked for each in self.elements if each.asked))


def load_risk(folder: Path, root: Path) -> Risk:
    """Raises BrokenContent with file and line."""
    if not (folder / "SOURCE.md").is_file():
        Node(None, 1, folder.relative_to(root).as_posix()).fail("SOURCE.md is missing.")
    node = read_one(folder / "risk.yaml", root)
    keys = node.mapping(REQUIRED, OPTIONAL)
    if keys["id"].text() != folder.name:
        keys["id"].fail(f"The id is not the name of its folder, “{folder.name}”.")
    maximum = keys["maximum"].number() if "maximum" in keys else None
    found = Risk(
        id=folder.name,
        version=keys["version"].integer(),
        title=keys["title"].words(),
        short=keys["short"].words(),
        about=keys["about"].words(),
        outcome=keys["outcome"].words(),
        kind=keys["kind"].one_of(KINDS),
        of=keys["of"].one_of(OF),
        source=keys["source"].text(),
        window_days=keys["window_days"].integer() if "window_days" in keys else 0,
        minimum_age=keys["minimum_age"].integer() if "minimum_age" in keys else 0,
        lines=_lines(keys, folder, root),
        elements=tuple(_element(each) for each in keys["elements"].sequence()) if "elements" in keys else (),
        maximum=maximum,
        bands=_bands(keys["bands"], maximum) if "bands" in keys else (),
        model=keys["model"].text() if "model" in keys else "",
        needs_coverage=keys["needs_coverage"].texts() if "needs_coverage" in keys else (),
        source_text=(folder / "SOURCE.md").read_text("utf-8"),
        cases=load_cases(folder / "cases", root),
        file=node.file,
    )
    _check(found, node)
    return found


def check_risk(risk: Risk, instruments: Mapping[str, Instrument]) -> None:
    """The questions that it names are asked."""
    place = Node(None, 1, risk.file)
    for asked in risk.asked:
        name, _, item = asked.partition("/")
        if name not in instruments or item not in instruments[name].by_id:
            place.fail(f"There is no question “{asked}”.")


def _check(risk: Risk, node: Node) -> None:
    if risk.kind == "model" and not risk.model:
        node.fail("A model has a name: “model” is missing.")
    if risk.of == "stay" and risk.window_days < 1:
        node.fail("“window_days” is missing: for how long after the stay it speaks.")
    if risk.kind == "points":
        most = sum(max((r.points for r in each.ranges), default=Decimal(0)) for each in risk.elements)
    elif risk.kind == "groups":
        lesser = {name for line in risk.lines for name in line.instead_of}
        most = sum((line.points for line in risk.lines if line.id not in lesser), Decimal(0))
    else:
        return
    if most != risk.maximum:
        node.fail(f"The points add up to at most {most}, not {risk.maximum}.")
    if any(each.measure == "comorbidity" for each in risk.elements) and not risk.lines:
        node.fail("“comorbidity” needs the lines of diagnoses that it counts.")


def _element(node: Node) -> RiskElement:
    keys = node.mapping(("id", "measure", "text", "lacking"), ("asked", "points", "yes", "no"))
    ranges: tuple[Range, ...] = ()
    if "points" in keys:
        ranges = _ranges(keys["points"])
    elif "yes" in keys and "no" in keys:
        ranges = (
            Range(Decimal(0), Decimal(1), keys["no"].number()),
            Range(Decimal(1), None, keys["yes"].number()),
        )
    return RiskElement(
        keys["id"].text(),
        keys["text"].words(),
        keys["measure"].one_of(MEASURES),
        keys["lacking"].words(),
        ranges,
        keys["asked"].text() if "asked" in keys else "",
    )


def _ranges(node: Node) -> tuple[Range, ...]:
    """Without a gap, from the least on."""
    found: list[Range] = []
    for each in node.sequence():
        keys = each.mapping(("points",), ("from", "to", "below"))
        first = keys["from"].number() if "from" in keys else None
        below = keys["below"].number() if "below" in keys else None
        if "to" in keys:
            below = Decimal(keys["to"].integer() + 1)
        if found and found[-1].below != first:
            each.fail(f"This begins at {first}; {found[-1].below} was expected.")
        found.append(Range(first, below, keys["points"].number()))
    if not found or found[-1].below is not None:
        node.fail("The last line has no end: it says “from” alone.")
    return tuple(found)


def _lines(keys: Mapping[str, Node], folder: Path, root: Path) -> tuple[CodeLine, ...]:
    if "lines" not in keys:
        return ()
    if "codes" not in keys:
        keys["lines"].fail("“codes” is missing: the file of the groups of diagnoses.")
    path = folder.parent / f"{keys['codes'].text()}.yaml"
    if not path.is_file():
        keys["codes"].fail(f"There is no file {path.name} beside this folder.")
    groups = _groups(read_one(path, root))
    found: list[CodeLine] = []
    for each in keys["lines"].sequence():
        line = each.mapping(("id", "groups", "points"), ("instead_of",))
        named = line["groups"].texts()
        for name in named:
            if name not in groups:
                line["groups"].fail(f"There is no group “{name}” in {path.name}.")
        text = Words(
            ", ".join(groups[name][0].en for name in named), ", ".join(groups[name][0].es for name in named)
        )
        codes = tuple(code for name in named for code in groups[name][1])
        lesser = line["instead_of"].texts() if "instead_of" in line else ()
        found.append(CodeLine(line["id"].text(), text, codes, line["points"].number(), lesser))
    known = {each.id for each in found}
    for one in found:
        if odd := set(one.instead_of) - known:
            keys["lines"].fail(f"“{one.id}” stands instead of “{min(odd)}”, which is not there.")
    return tuple(found)


def _groups(node: Node) -> dict[str, tuple[Words, tuple[str, ...]]]:
    keys = node.mapping(("source", "groups"))
    keys["source"].text()
    found: dict[str, tuple[Words, tuple[str, ...]]] = {}
    for each in keys["groups"].sequence():
        group = each.mapping(("id", "text", "codes"))
        codes = group["codes"].texts()
        if odd := [code for code in codes if not code.isalnum() or code != code.upper()]:
            group["codes"].fail(f"“{odd[0]}” is no beginning of a code: capitals and digits, without a dot.")
        if group["id"].text() in found:
            group["id"].fail(f"“{group['id'].text()}” is there twice.")
        found[group["id"].text()] = (group["text"].words(), codes)
    return found


def _bands(node: Node, maximum: Decimal | None) -> tuple[RiskBand, ...]:
    bands: list[RiskBand] = []
    expected = Decimal(0)
    for each in node.sequence():
        keys = each.mapping(("from", "to", "code", "text"))
        band = RiskBand(keys["from"].number(), keys["to"].number(), keys["code"].text(), keys["text"].words())
        if band.first != expected:
            each.fail(f"This band begins at {band.first}; {expected} was expected.")
        expected = band.last + 1
        bands.append(band)
    if maximum is not None and expected != maximum + 1:
        node.fail(f"The bands end at {expected - 1}, not at the maximum of {maximum}.")
    return tuple(bands)
