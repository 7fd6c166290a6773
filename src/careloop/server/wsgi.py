"""The WSGI application that granian serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from careloop.server.logs import quiet_last_words

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "careloop.server.settings")

if not os.environ.get("CARELOOP_DEBUG"):
    quiet_last_words()
application = get_wsgi_application()
