"""What could not be sent: beside “reach them another way”, one may say that it shall be tried again."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from careloop.actions.send_again import OnItsWay, send_again
from careloop.actions.working import WorkEnded
from careloop.kernel.errors import NotFound
from careloop.projections import rooms
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.reader import now_of, open_record, scope_of


@staff_page
@require_POST
def again(request: HttpRequest, id: str) -> HttpResponse:
    with open_record(request) as unit:
        if not rooms.may_decide(unit, id):
            raise NotFound
    try:
        send_again(scope_of(request), id, now_of(request))
    except (OnItsWay, WorkEnded) as refused:
        toasts.fail(request, sentence_of(refused))
    else:
        toasts.say(request, gettext("It is being tried again. This goes by itself as soon as it was sent."))
    return HttpResponseRedirect("/review?done=1")


urlpatterns = [path("review/<str:id>/send-again", again, name="review-letter-again")]
