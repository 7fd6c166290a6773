"""A program with a token at the FHIR door."""

import json

import pytest
from django.test import Client

from careloop.api.exchange import tokens


class Door:
    """The FHIR door as a program sees it."""

    def __init__(self, token=None):
        self.client = Client(raise_request_exception=False)
        self.token = token

    def ask(self, method, path, body=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named.setdefault("Authorization", f"Bearer {self.token}")
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = named.pop("Content-Type", "application/fhir+json")
        path = path if path.startswith("http") else f"/fhir/{path}"
        return self.client.generic(method, path, data, kind, headers=named)


def text_of(response):
    """The sentences of an OperationOutcome."""
    outcome = json.loads(response.content)
    assert outcome["resourceType"] == "OperationOutcome", outcome
    return " ".join(issue["details"]["text"] for issue in outcome["issue"])


@pytest.fixture
def issue_token(record, now):
    from careloop.accounts.models import ApiClient

    tokens.forget()
    return lambda name, scopes, **more: ApiClient.issue(name, scopes, now, **more)


@pytest.fixture
def door(issue_token):
    return Door(issue_token("everything", "system/*.cruds")[1])
