"""The FHIR door's addresses, from the registry; included under `fhir/`. `base` answers /fhir without its slash."""

from django.urls import path

from careloop.api.routes import ROUTES

urlpatterns = [path(route.pattern, route.view()) for route in ROUTES]
base = ROUTES[0].view()
