"""Addresses of the pages about apps; joined in server/urls.py."""

from __future__ import annotations

from django.urls import path

from careloop.web.apps import asking, mine, ours, register

urlpatterns = [
    path("oauth/authorize", asking.authorize, name="authorize-app"),
    path("oauth/consent", asking.decide, name="decide-app"),
    *mine.urlpatterns,
    *ours.urlpatterns,  # `my/account/apps`, before `my/<person>/apps`
    *register.urlpatterns,
]
