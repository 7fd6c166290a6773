"""Every page at the family's door; server/urls.py joins them with all the others."""

from __future__ import annotations

from careloop.web.family import (
    another,
    choices,
    consents,
    looked,
    pages,
    passkey,
    plan_page,
    readings,
    sharing,
    sign_in,
    wrong,
)

urlpatterns = [
    *sign_in.urlpatterns,
    *passkey.urlpatterns,
    *choices.urlpatterns,
    *another.urlpatterns,
    *consents.urlpatterns,
    *sharing.urlpatterns,
    *wrong.urlpatterns,
    *looked.urlpatterns,
    *plan_page.urlpatterns,
    *readings.urlpatterns,
    *pages.urlpatterns,  # last: `my/<person>` must not hide `my/sign-in`
]
