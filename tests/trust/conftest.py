"""What the tests of trust share with those of the FHIR door."""

from tests.api.conftest import issue_token

__all__ = ["issue_token"]
