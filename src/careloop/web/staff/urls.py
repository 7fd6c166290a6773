"""Every page of the staff. Each part lists its own paths in its own module; this file joins them."""

from __future__ import annotations

from careloop.web.apps.urls import urlpatterns as apps
from careloop.web.staff import (
    assess,
    assess_done,
    assess_urgent,
    audit,
    audit_alerts,
    audit_export,
    complexity,
    contacts,
    front_door,
    library,
    people,
    person,
    plan_print,
    proposals,
    register,
    review,
    review_letters,
    sign_in,
    sign_in_second,
    today,
    work,
)

urlpatterns = [
    *sign_in.urlpatterns,
    *sign_in_second.urlpatterns,
    *today.urlpatterns,
    *assess.urlpatterns,
    *assess_done.urlpatterns,
    *assess_urgent.urlpatterns,
    *proposals.urlpatterns,
    *plan_print.urlpatterns,
    *library.urlpatterns,
    *audit.urlpatterns,
    *audit_alerts.urlpatterns,
    *audit_export.urlpatterns,
    *work.urlpatterns,
    *complexity.urlpatterns,
    *contacts.urlpatterns,
    *people.urlpatterns,
    *front_door.urlpatterns,
    *register.urlpatterns,
    *review.urlpatterns,
    *review_letters.urlpatterns,
    *apps,
    *person.urlpatterns,  # last: `people/<person>` must not hide `people/new`
]
