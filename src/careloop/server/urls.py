"""Every door, in one place."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from careloop.api.smart import assertions
from careloop.api.smart.urls import urlpatterns as smart_doors
from careloop.api.urls import base as fhir_base
from careloop.server.apps import fetch_keys
from careloop.server.ready import ready
from careloop.web.apps.urls import urlpatterns as app_pages
from careloop.web.staff.errors import public_page
from careloop.web.staff.landing import home


@public_page("it says that the process answers")
def alive(request: HttpRequest) -> HttpResponse:
    """For load balancers: the process answers. Says nothing about the record."""
    return HttpResponse("ok\n", content_type="text/plain")


# Keys of apps at an address are fetched by the one way out, which the doors themselves do not know.
assertions.keys.fetch = fetch_keys

urlpatterns = [
    path("", home),
    path("healthz", alive),
    path("readyz", ready),
    path("fhir", fhir_base),
    path("fhir/", include("careloop.api.urls")),
    *smart_doors,
    *app_pages,
    path("", include("careloop.web.family.urls")),
    path("", include("careloop.web.staff.urls")),
]

handler400 = "careloop.web.staff.errors.bad_request"
handler403 = "careloop.web.staff.errors.forbidden"
handler404 = "careloop.web.staff.errors.not_found"
handler500 = "careloop.web.staff.errors.server_error"
