"""Every door, in one place."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from careloop.api.smart.urls import urlpatterns as smart_doors
from careloop.api.urls import base as fhir_base
from careloop.web.apps.urls import urlpatterns as app_pages
from careloop.web.staff.landing import home


def alive(request: HttpRequest) -> HttpResponse:
    """For load balancers: the process answers. Says nothing about the record."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("", home),
    path("healthz", alive),
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
