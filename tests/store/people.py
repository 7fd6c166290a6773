"""Resources that the tests of the record write."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def maria() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": "4711"}],
        "name": [{"family": "Duarte", "given": ["Maria"]}],
        "gender": "female",
        "birthDate": "1958-03-02",
    }


def reading(patient: str, value: Decimal = Decimal("6.30")) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
        "subject": {"reference": patient},
        "effectiveDateTime": "2026-11-20",
        "valueQuantity": {
            "value": value,
            "unit": "%",
            "system": "http://unitsofmeasure.org",
            "code": "%",
        },
    }
