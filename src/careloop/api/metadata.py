"""The CapabilityStatement, computed from the routes and the definitions; never written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.http import HttpResponse

from careloop import __version__
from careloop.api.exchange import Exchange
from careloop.api.smart.discovery import security
from careloop.fhir import wire
from careloop.fhir.definitions import RESOURCE_TYPES, VERSION, search_params
from careloop.fhir.elements import Resource, fhir_instant

_STARTED = datetime.now(UTC)


def metadata(exchange: Exchange) -> HttpResponse:
    return exchange.answer(_packed(exchange.base))


@lru_cache(maxsize=4)
def _packed(base: str) -> bytes:
    """A megabyte each, and the caller names the base: so a few are kept and no more."""
    return wire.dumps(capability_statement(base))


def capability_statement(base: str) -> Resource:
    from careloop.api.routes import ROUTES

    on_type = sorted({code for route in ROUTES for code in route.on_type.values()})
    on_system = sorted({code for route in ROUTES for code in route.on_system.values()})
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": fhir_instant(_STARTED),
        "kind": "instance",
        "software": {"name": "Careloop", "version": __version__},
        "implementation": {"description": "Careloop", "url": base.rstrip("/")},
        "fhirVersion": VERSION,
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": security(base),
                "resource": [_resource(kind, on_type) for kind in sorted(RESOURCE_TYPES)],
                "interaction": [{"code": code} for code in on_system],
            }
        ],
    }


def _resource(kind: str, interactions: list[str]) -> dict[str, Any]:
    return {
        "type": kind,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "searchParam": [
            {"name": param.code, "definition": param.url, "type": param.type}
            for _, param in sorted(search_params(kind).items())
        ],
    }
