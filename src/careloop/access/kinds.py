"""Resource types by what they are about: somebody's record, or the directory that staff and programs share."""

from __future__ import annotations

from typing import Final

from careloop.fhir import definitions

# Nobody writes these through a door; the house makes them itself.
KEPT: Final = frozenset({"AuditEvent"})


def _types(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Outside R4's patient compartment, and yet about somebody as often as not.
_ABOUT_SOMEBODY: Final = _types(
    """
    Task Binary Bundle BiologicallyDerivedProduct Contract DeviceMetric EnrollmentResponse GuidanceResponse Linkage
    MessageHeader OperationOutcome Parameters PaymentNotice PaymentReconciliation Subscription VerificationResult
    """
)
_IN_COMPARTMENT: Final = frozenset(t for t in definitions.RESOURCE_TYPES if definitions.compartment(t))

# A row of one of these that names no person is shown to nobody who is limited to some people: we can't tell
# whose it is. A Schedule names a patient only when it is hers.
PERSONAL: Final = (_IN_COMPARTMENT | _ABOUT_SOMEBODY) - {"Schedule"}

EVERYTHING: Final = definitions.RESOURCE_TYPES - KEPT
DIRECTORY: Final = EVERYTHING - PERSONAL - {"Device"}

BILLING: Final = _types(
    """
    Patient Coverage Account Claim ClaimResponse ChargeItem Invoice PaymentNotice PaymentReconciliation Encounter
    EpisodeOfCare CoverageEligibilityRequest CoverageEligibilityResponse EnrollmentRequest EnrollmentResponse
    ExplanationOfBenefit
    """
)
ADVOCACY: Final = BILLING | _types(
    """
    Task Communication DocumentReference ServiceRequest DeviceRequest MedicationRequest Condition Appointment
    RelatedPerson CareTeam Consent
    """
)
REVIEW: Final = _types(
    """
    Patient Coverage Claim ClaimResponse CoverageEligibilityRequest CoverageEligibilityResponse ServiceRequest
    DeviceRequest MedicationRequest DocumentReference Task Communication
    """
)
ERRANDS: Final = frozenset({"Patient", "Task", "Appointment"})
RESIDENTS: Final = _types(
    """
    Patient RelatedPerson CareTeam CarePlan Goal Encounter EpisodeOfCare Consent Communication DocumentReference Task
    Appointment
    """
)
