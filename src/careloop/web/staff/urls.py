"""Every page of the staff. Each part lists its own paths in its own module; this file joins them."""

from __future__ import annotations

from django.urls import path

from careloop.web.staff import (
    assess,
    assess_done,
    assess_urgent,
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
    today,
    work,
)

urlpatterns = [
    path("sign-in", sign_in.sign_in, name="sign-in"),
    path("sign-out", sign_in.sign_out, name="sign-out"),
    path("language", sign_in.language, name="language"),
    *today.urlpatterns,
    *assess.urlpatterns,
    *assess_done.urlpatterns,
    *assess_urgent.urlpatterns,
    *proposals.urlpatterns,
    *plan_print.urlpatterns,
    *library.urlpatterns,
    *work.urlpatterns,
    *complexity.urlpatterns,
    *contacts.urlpatterns,
    *people.urlpatterns,
    *front_door.urlpatterns,
    *register.urlpatterns,
    *review.urlpatterns,
    *review_letters.urlpatterns,
    *person.urlpatterns,  # last: `people/<person>` must not hide `people/new`
]
