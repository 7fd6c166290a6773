"""Addresses of the programs' doors beside /fhir; joined in server/urls.py. /oauth/authorize is a page
(web/apps/asking.py)."""

from __future__ import annotations

from django.urls import path

from careloop.api.smart import discovery, endpoints

urlpatterns = [
    path(".well-known/openid-configuration", discovery.openid_configuration),
    path("oauth/jwks", discovery.jwks),
    path("oauth/style.json", endpoints.style),
    path("oauth/token", endpoints.token),
    path("oauth/revoke", endpoints.revoke),
    path("oauth/introspect", endpoints.introspect),
]
