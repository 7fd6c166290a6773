"""What a record is used for, as bits of `consented.purposes`: v3 PurposeOfUse codes, told apart as far as it
matters."""

from __future__ import annotations

from typing import Final

TREATMENT: Final = 1
PAYMENT: Final = 2
OPERATIONS: Final = 4
EMERGENCY: Final = 8
RESEARCH: Final = 16
OTHER: Final = 32

# Source: http://terminology.hl7.org/CodeSystem/v3-ActReason, children of PurposeOfUse.
BITS: Final = {
    **dict.fromkeys(("TREAT", "CAREMGT", "CLINTRCH", "COC", "PATRQT"), TREATMENT),
    **dict.fromkeys(("HPAYMT", "CLMATTCH", "COVAUTH", "COVERAGE", "ELIGDTRM", "ELIGVER", "ENROLLM"), PAYMENT),
    **dict.fromkeys(("HOPERAT", "HSYSADMIN", "HQUALIMP", "PATADMIN", "PERFMSR", "RECORDMGT"), OPERATIONS),
    **dict.fromkeys(("ETREAT", "BTG", "ERTREAT"), EMERGENCY),
    **dict.fromkeys(("HRESCH", "BIORCH", "CLINTRL"), RESEARCH),
}
CARE: Final = TREATMENT | OPERATIONS
PAYERS: Final = PAYMENT | OPERATIONS
ANY: Final = TREATMENT | PAYMENT | OPERATIONS | EMERGENCY | RESEARCH | OTHER


def bits_of(codes: list[str]) -> int:
    """0 for none said, which is any; a code that we do not know is OTHER, which nothing here is done for."""
    found = 0
    for code in codes:
        found |= BITS.get(code, OTHER)
    return found
