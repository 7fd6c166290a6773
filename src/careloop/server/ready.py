"""/readyz: whether requests may be sent here. For load balancers and whoever watches; says nothing about the record."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError
from careloop.server import watch
from careloop.web.staff.errors import public_page


@public_page("it says whether the database answers and backups are kept, and nothing about anybody")
def ready(request: HttpRequest) -> HttpResponse:
    """503 only without a database: a late backup is no reason to send people away."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select pg_is_in_recovery()")
            is_open = cursor.fetchone() == (False,)
    except DatabaseError:
        is_open = False
    lines = ["database: " + ("ok" if is_open else "not available")]
    try:
        lines.append("backup: " + ("look" if watch.backup_problem(system_clock()) else "ok"))
        lines.append("disk: " + ("almost full" if watch.free_bytes() < watch.LEAST_FREE else "ok"))
    except (CareError, OSError):
        lines.append("backup: look")
    answer = HttpResponse("\n".join([*lines, ""]), content_type="text/plain", status=200 if is_open else 503)
    answer["Cache-Control"] = "no-store"
    if not is_open:
        answer["Retry-After"] = "5"
    return answer
