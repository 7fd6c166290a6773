"""CMS-HCC behind one function: the package hccinfhir (Apache-2.0), which carries Medicare's tables. Pure.

It is looked for when a score is first asked for, never at start-up; without it nothing is scored. What is not known of
somebody's insurance is worked out every way that is possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from typing import Any, Final

# Medicare's codes for what a person says.
REASON: Final = {"age": "0", "disability": "1", "kidney": "2"}
MEDICAID: Final = {"none": "NA", "full": "02", "partial": "01"}
SEX: Final = {"female": "F", "male": "M"}


@dataclass(frozen=True)
class RafLine:
    """One coefficient that counts. text: Medicare's name of the category, empty for age and sex and for what counts
    together. codes: the diagnoses behind it, without the dot."""

    id: str
    text: str
    value: Decimal
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Raf:
    value: Decimal
    lines: tuple[RafLine, ...]


def scenarios(
    model: str, codes: Iterable[str], age: int, sex: str, known: Mapping[str, tuple[str, ...]]
) -> list[Raf] | None:
    """known: medicare_reason, medicare_over_a_year, long_term_institution, medicaid_kind, each with all that is
    possible, the most usual first: the first answer is for that. None without the package."""
    calculate = _calculator()
    if calculate is None:
        return None
    diagnoses = sorted(set(codes))
    found: list[Raf] = []
    names = tuple(known)
    for said in product(*known.values()):
        chosen = dict(zip(names, said, strict=True))
        found.append(_raf(calculate, model, diagnoses, age, sex, chosen))
    return found


@cache
def _calculator() -> Any:
    if find_spec("hccinfhir") is None:
        return None
    return import_module("hccinfhir.model_calculate").calculate_raf


def _raf(calculate: Any, model: str, codes: list[str], age: int, sex: str, chosen: Mapping[str, str]) -> Raf:
    # Whoever is new to Medicare is counted as that, wherever she lives.
    is_new = chosen.get("medicare_over_a_year") == "no"
    reason = REASON[chosen.get("medicare_reason", "age")]
    answer = calculate(
        codes,
        model_name=model,
        age=age,
        sex=SEX[sex],
        dual_elgbl_cd=MEDICAID[chosen.get("medicaid_kind", "none")],
        orec=reason,
        crec="1" if age < 65 else "0",
        new_enrollee=is_new,
        lti=chosen.get("long_term_institution") == "yes" and not is_new,
    )
    return Raf(_exact(answer.risk_score), tuple(_lines(answer)))


def _lines(answer: Any) -> Iterator[RafLine]:
    """The heaviest first; coefficients of nothing are left out."""
    labels = {str(each.hcc): each.label or "" for each in answer.hcc_details}
    found = [(str(name), _exact(value)) for name, value in answer.coefficients.items()]
    for name, value in sorted(found, key=lambda line: (-line[1], line[0])):
        if value:
            codes = tuple(sorted(answer.cc_to_dx.get(name, ()))) if name in labels else ()
            yield RafLine(name, labels.get(name, ""), value, codes)


def _exact(value: float) -> Decimal:
    """Medicare's coefficients have three decimals."""
    return Decimal(str(value)).quantize(Decimal("0.001"))
