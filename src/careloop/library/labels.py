"""The rules for security labels: content/labels/*.yaml, loaded, checked and made fast to ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from careloop.access import labels
from careloop.fhir import uris
from careloop.library.reading import BrokenContent, Node, Words, read_one
from careloop.library.rules import VERIFIED

SYSTEMS: Final = {
    "act-code": uris.ACT_CODE,
    "act-reason": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "confidentiality": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
    "observation-value": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "icd-10-cm": uris.ICD10CM,
    "loinc": uris.LOINC,
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "snomed": uris.SNOMED,
    "label": "urn:careloop:code:label",
    "org-kind": "urn:careloop:code:org-kind",
}
# As they were spelled before terminology.hl7.org, and by feeds that still do.
_OLDER: Final = {
    "http://hl7.org/fhir/v3/ActCode": SYSTEMS["act-code"],
    "urn:oid:2.16.840.1.113883.5.4": SYSTEMS["act-code"],
    "http://hl7.org/fhir/v3/ActReason": SYSTEMS["act-reason"],
    "urn:oid:2.16.840.1.113883.5.8": SYSTEMS["act-reason"],
    "http://hl7.org/fhir/v3/Confidentiality": SYSTEMS["confidentiality"],
    "urn:oid:2.16.840.1.113883.5.25": SYSTEMS["confidentiality"],
    "http://hl7.org/fhir/v3/ObservationValue": SYSTEMS["observation-value"],
    "urn:oid:2.16.840.1.113883.6.90": SYSTEMS["icd-10-cm"],
    "urn:oid:2.16.840.1.113883.6.1": SYSTEMS["loinc"],
    "urn:oid:2.16.840.1.113883.6.88": SYSTEMS["rxnorm"],
    "urn:oid:2.16.840.1.113883.6.96": SYSTEMS["snomed"],
}
BITS: Final = {name: bit for bit, name in labels.NAMES.items()}
_HANDLING: Final = "handling"
Coded = tuple[str, str]


@dataclass(frozen=True)
class LabelRule:
    """One label, as its file says. says: (system, code, display) that a labeled resource carries in meta.security."""

    id: str
    bit: int
    title: Words
    since: date
    source: str
    verified: str
    says: tuple[str, str, str]
    file: str
    line: int


# Raised when `labeling` follows a label along more elements than before: what is on record is labeled anew then.
FOLLOWED: Final = 2


@dataclass(frozen=True)
class LabelRules:
    """codes: of content. prefixes: ICD-10-CM without its dot. security: label codes; harmless and restricting are in it
    as 0 and in `restricting`. instruments: canonical names. makers: kinds of Organization whose records carry it."""

    rules: Mapping[int, LabelRule] = field(hash=False)
    codes: Mapping[Coded, int] = field(hash=False)
    prefixes: Mapping[str, int] = field(hash=False)
    security: Mapping[Coded, int] = field(hash=False)
    restricting: frozenset[Coded] = frozenset()
    instruments: Mapping[str, int] = field(default_factory=dict, hash=False)
    makers: Mapping[Coded, int] = field(default_factory=dict, hash=False)

    @property
    def digest(self) -> str:
        """The same for the same rules: what was labeled by others has to be labeled again."""
        parts = (self.codes, self.prefixes, self.security, self.instruments, self.makers)
        said = [FOLLOWED, *(sorted(part.items()) for part in parts), sorted(self.restricting)]
        return sha256(repr(said).encode()).hexdigest()[:16]

    def of_code(self, system: str, code: str) -> int:
        """What a code of the content says by itself."""
        system = _OLDER.get(system, system)
        if system != uris.ICD10CM:
            return self.codes.get((system, code), 0)
        plain, found = code.replace(".", "").upper(), 0
        for length in range(3, min(len(plain), _LONGEST_PREFIX) + 1):
            found |= self.prefixes.get(plain[:length], 0)
        return found

    def of_security(self, codes: Iterable[Coded]) -> int:
        """What security labels say together. Whatever is not known is UNKNOWN; a level of confidentiality above the
        ordinary is enough beside a sensitivity that is known, and unknown alone."""
        found, asks = 0, False
        for system, code in codes:
            key = (_OLDER.get(system, system), code)
            if key in self.restricting:
                asks = True
            else:
                found |= self.security.get(key, labels.UNKNOWN)
        return labels.UNKNOWN if asks and not found & labels.SENSITIVE else found


_LONGEST_PREFIX: Final = 6


@cache
def rules() -> LabelRules:
    """Those of our own content; asked for every resource that is written."""
    from careloop.library.loading import content_path

    return load_labels(content_path())


@lru_cache(maxsize=8)
def load_labels(root: Path) -> LabelRules:
    """Raises BrokenContent with every problem that was found."""
    problems: list[str] = []
    made = _Made()
    for path in sorted((root / "labels").glob("*.yaml")):
        try:
            node = read_one(path, root)
            made.handling(node) if path.stem == _HANDLING else made.rule(node, path.stem)
        except BrokenContent as broken:
            problems += broken.problems
    missing = sorted(BITS.keys() - {"unknown"} - {rule.id for rule in made.rules.values()})
    if missing and not problems:
        problems.append(f"labels:1: There is no rule for “{missing[0]}”.")
    if problems:
        raise BrokenContent(problems)
    return made.whole()


class _Made:
    """What the files said so far."""

    def __init__(self) -> None:
        self.rules: dict[int, LabelRule] = {}
        self.codes: dict[Coded, int] = {}
        self.prefixes: dict[str, int] = {}
        self.security: dict[Coded, int] = {}
        self.restricting: set[Coded] = set()
        self.instruments: dict[str, int] = {}
        self.makers: dict[Coded, int] = {}

    def whole(self) -> LabelRules:
        return LabelRules(
            rules=MappingProxyType(self.rules),
            codes=MappingProxyType(self.codes),
            prefixes=MappingProxyType(self.prefixes),
            security=MappingProxyType(self.security),
            restricting=frozenset(self.restricting),
            instruments=MappingProxyType(self.instruments),
            makers=MappingProxyType(self.makers),
        )

    def rule(self, node: Node, name: str) -> None:
        keys = node.mapping(
            ("id", "title", "effective", "source", "verified", "says", "security"),
            ("note", "codes", "instruments", "organizations"),
        )
        if keys["id"].one_of(sorted(BITS)) != name:
            keys["id"].fail(f"The id “{keys['id'].text()}” is not the name of this file.")
        bit = BITS[name]
        says = keys["says"].mapping(("system", "code", "display"))
        self.rules[bit] = LabelRule(
            id=name,
            bit=bit,
            title=keys["title"].words(),
            since=keys["effective"].mapping(("from",))["from"].day(),
            source=keys["source"].text(),
            verified=keys["verified"].one_of(VERIFIED),
            says=(_system(says["system"]), says["code"].text(), says["display"].text()),
            file=node.file,
            line=node.line,
        )
        for coded in _codes(keys["security"]):
            self.security[coded] = self.security.get(coded, 0) | bit
        for coded in _codes(keys["organizations"]) if "organizations" in keys else ():
            self.makers[coded] = self.makers.get(coded, 0) | bit
        for each in keys["instruments"].texts() if "instruments" in keys else ():
            self.instruments[each] = self.instruments.get(each, 0) | bit
        for group in keys["codes"].sequence() if "codes" in keys else ():
            self._content(group, bit)

    def _content(self, group: Node, bit: int) -> None:
        """A group that is not verified stands in the file and labels nothing."""
        keys = group.mapping(("system", "verified"), ("codes", "prefixes", "why"))
        system = _system(keys["system"])
        is_on = keys["verified"].one_of(VERIFIED) != "U"
        if ("codes" in keys) == ("prefixes" in keys):
            group.fail("Either “codes” or “prefixes” is needed.")
        if "prefixes" in keys and system != uris.ICD10CM:
            keys["prefixes"].fail("Only ICD-10-CM is matched by prefix.")
        for each in keys["codes"].texts() if "codes" in keys else ():
            if is_on:
                self.codes[system, each] = self.codes.get((system, each), 0) | bit
        for each in keys["prefixes"].texts() if "prefixes" in keys else ():
            plain = each.replace(".", "").upper()
            if not 3 <= len(plain) <= _LONGEST_PREFIX:
                keys["prefixes"].fail(f"“{each}” is too short or too long for a prefix.")
            if is_on:
                self.prefixes[plain] = self.prefixes.get(plain, 0) | bit

    def handling(self, node: Node) -> None:
        keys = node.mapping(
            ("id", "title", "effective", "source", "verified", "harmless", "restricting", "vip"), ("note",)
        )
        keys["verified"].one_of(VERIFIED)
        for coded in _codes(keys["harmless"]):
            self.security.setdefault(coded, 0)
        for coded in _codes(keys["vip"]):
            self.security[coded] = labels.VIP
        self.restricting |= set(_codes(keys["restricting"]))


def _system(node: Node) -> str:
    return SYSTEMS[node.one_of(SYSTEMS)]


def _codes(node: Node) -> list[Coded]:
    found = []
    for group in node.sequence():
        keys = group.mapping(("system", "codes"))
        found += [(_system(keys["system"]), code) for code in keys["codes"].texts()]
    return found
