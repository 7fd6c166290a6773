"""What this server can do for apps, said where SMART and OpenID Connect look for it: what is there, and no more."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from careloop.access.smart_scope import SPECIAL
from careloop.api.exchange import Exchange
from careloop.api.smart import signing
from careloop.api.smart.addresses import fhir_base, issuer, token_url
from careloop.api.smart.doors import program_door

CAPABILITIES: Final = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)
AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
ASSERTION_ALGORITHMS: Final = ("RS384", "ES384")
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def smart_configuration(exchange: Exchange) -> HttpResponse:
    """/fhir/.well-known/smart-configuration."""
    return _public(_configuration(exchange.request))


@program_door("says how to sign in, to everybody")
def openid_configuration(request: HttpRequest) -> HttpResponse:
    return _public(
        {
            **_configuration(request),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [signing.ALGORITHM],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser"],
            "response_modes_supported": ["query"],
            "request_uri_parameter_supported": False,
        }
    )


@program_door("publishes public keys, to everybody")
def jwks(request: HttpRequest) -> HttpResponse:
    return _public(signing.published())


def _public(said: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(said)
    response["Cache-Control"] = "public, max-age=300"
    return response


def _configuration(request: HttpRequest) -> dict[str, Any]:
    ours = issuer(request)
    return {
        "issuer": ours,
        "jwks_uri": f"{ours}/oauth/jwks",
        "authorization_endpoint": f"{ours}/oauth/authorize",
        "token_endpoint": token_url(request),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint": f"{ours}/oauth/introspect",
        "revocation_endpoint": f"{ours}/oauth/revoke",
        "management_endpoint": f"{ours}/apps/mine",
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": [*sorted(SPECIAL), "patient/*.rs", "user/*.cruds", "system/*.cruds"],
        "capabilities": list(CAPABILITIES),
    }


def security(base: str) -> dict[str, Any]:
    """Of the CapabilityStatement. base: of the FHIR door, ending with a slash."""
    ours = base.removesuffix("/fhir/")
    names = {
        "authorize": "/oauth/authorize",
        "token": "/oauth/token",
        "introspect": "/oauth/introspect",
        "revoke": "/oauth/revoke",
        "manage": "/apps/mine",
    }
    uris = [{"url": name, "valueUri": ours + path} for name, path in names.items()]
    system = "http://terminology.hl7.org/CodeSystem/restful-security-service"
    return {
        "description": "A bearer token with SMART scopes on every request but this one.",
        "service": [{"coding": [{"system": system, "code": "SMART-on-FHIR"}], "text": "SMART on FHIR"}],
        "extension": [{"url": _OAUTH_URIS, "extension": uris}],
    }


def styles(request: HttpRequest) -> HttpResponse:
    """What an app may take over of how we look (SMART App Launch 2.2, smart_style_url)."""
    return _public(
        {
            "color_background": "#ffffff",
            "color_error": "#9b2c1f",
            "color_highlight": "#0b5c8a",
            "color_success": "#2f6b3a",
            "color_text": "#1f2426",
            "dim_font_size": "16px",
            "font_family_body": "'Source Sans 3', 'Source Sans Pro', sans-serif",
            "font_family_heading": "'Source Sans 3', 'Source Sans Pro', sans-serif",
        }
    )


__all__ = ["fhir_base", "jwks", "openid_configuration", "security", "smart_configuration", "styles"]
