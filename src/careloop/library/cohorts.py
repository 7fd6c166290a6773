"""Groups of conditions that a coordinator calls by one word: content/cohorts/conditions.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from careloop.library.reading import Node, Words, read_one
from careloop.library.rules import VERIFIED

FILE: Final = "cohorts/conditions.yaml"
_ICD10: Final = re.compile(r"[A-Z](?:[0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?)?\Z")


@dataclass(frozen=True)
class ConditionGroup:
    """icd10: beginnings of ICD-10-CM codes."""

    id: str
    title: Words
    icd10: tuple[str, ...]


@lru_cache(maxsize=8)
def load_conditions(root: Path) -> Mapping[str, ConditionGroup]:
    """By id, in the order of the file. Raises BrokenContent."""
    if not (root / FILE).is_file():
        return {}
    keys = read_one(root / FILE, root).mapping(("source", "verified", "groups"))
    keys["source"].text()
    keys["verified"].one_of(VERIFIED)
    found: dict[str, ConditionGroup] = {}
    for node in keys["groups"].sequence():
        group = _group(node)
        if group.id in found:
            node.fail(f"“{group.id}” is said twice.")
        found[group.id] = group
    return found


def _group(node: Node) -> ConditionGroup:
    keys = node.mapping(("id", "title", "icd10"))
    codes = keys["icd10"].texts()
    for code in codes:
        if not _ICD10.match(code):
            keys["icd10"].fail(f"“{code}” is not the beginning of an ICD-10-CM code.")
    return ConditionGroup(keys["id"].text(), keys["title"].words(), codes)
