"""What work is called, in the reader's language. A title is kept in English, as part of the record: fixed ones have
their Spanish in the catalogs, lines of plans and alarms in the library; what a person wrote stays as she wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from django.utils.translation import get_language, gettext, gettext_noop

from careloop import library
from careloop.library import Words

# As care, actions and reactions write them.
FIXED: Final = (
    gettext_noop("Call after discharge"),
    gettext_noop("Reconcile medications"),
    gettext_noop("Visit after discharge"),
    gettext_noop("Call after emergency visit"),
    gettext_noop("Call today: left against medical advice"),
    gettext_noop("Follow up with the facility"),
    gettext_noop("Tell the hospice what we know; ask how to help"),
    gettext_noop("Bereavement contact with the family"),
    gettext_noop("Decide what follows this discharge"),
    gettext_noop("Check in"),
    gettext_noop("Check the work that stopped by mistake"),
    gettext_noop("Decide who this is"),
    gettext_noop("Look at what the hospital sent"),
    gettext_noop("Check what the hospital has otherwise"),
    gettext_noop("The hospital merged two records"),
    gettext_noop("Look through the joined record"),
    gettext_noop("Divide what was written meanwhile"),
    gettext_noop("This could not be sent: reach them another way"),
    gettext_noop("Look at this record: what follows could not be worked out"),
    gettext_noop("Tell whoever runs Careloop: backups are failing"),
    gettext_noop("Tell whoever runs Careloop: people may not be watched for silence"),
    gettext_noop("Tell whoever runs Careloop: the disk is almost full"),
    gettext_noop("Tell whoever runs Careloop: part of its work stands still"),
    gettext_noop("Answer a question from the family"),
    gettext_noop("The person was asked something on the family’s page"),
    gettext_noop("Read what the person answered"),
    gettext_noop("Answer a question from the person"),
    gettext_noop("Coming of age: invite the young adult, tell the parents what changes"),
    gettext_noop("Look at the open referrals of this person: a consent has ended"),
    gettext_noop("Talk about what is shared: a consent has changed"),
    gettext_noop("Read a consent that could not be understood"),
    gettext_noop("A protocol keeps saying the same of this person: it was stopped"),
    gettext_noop("Look at this person: more alerts in a day than anybody can follow"),
    gettext_noop("Look at the new version of the plan"),
    gettext_noop("Tell those who must see this plan: they could not be asked"),
    gettext_noop("Case review"),
    gettext_noop("Consultation"),
    gettext_noop("Read the answer to your consultation"),
    gettext_noop("Look at this plan: whether it holds all that is required could not be looked at"),
)
# (what the title looks like, the sentence with a hole). The hole is a program, a person or a reason.
WITH_A_HOLE: Final = (
    (re.compile(r"Call to offer (.+)"), gettext_noop("Call to offer %(what)s")),
    (re.compile(r"Referral: see whether (.+) fits"), gettext_noop("Referral: see whether %(what)s fits")),
    (re.compile(r"Print and mail a letter to (.+)"), gettext_noop("Print and mail a letter to %(what)s")),
    (re.compile(r"Look at a reading: (.+)"), gettext_noop("Look at a reading: %(what)s")),
    (re.compile(r"Ask about a reading: (.+)"), gettext_noop("Ask about a reading: %(what)s")),
    (
        re.compile(r"Ask why nothing comes any more: (.+)"),
        gettext_noop("Ask why nothing comes any more: %(what)s"),
    ),
    (re.compile(r"Go over the plan with (.+)"), gettext_noop("Go over the plan with %(what)s")),
    (
        re.compile(r"Send what changed in the plan to (.+)"),
        gettext_noop("Send what changed in the plan to %(what)s"),
    ),
    (re.compile(r"Review a discharge: (.+)"), gettext_noop("Review a discharge: %(what)s")),
    (re.compile(r"Complete the plan: (.+)"), gettext_noop("Complete the plan: %(what)s")),
    (re.compile(r"Clear up what two plans say: (.+)"), gettext_noop("Clear up what two plans say: %(what)s")),
)


def work_title(title: str) -> str:
    if not title or (get_language() or "en").startswith("en"):
        return title
    if found := _of_the_library().get(title):
        return found.get(get_language() or "en")
    for pattern, sentence in WITH_A_HOLE:
        if match := pattern.fullmatch(title):
            return gettext(sentence) % {"what": work_title(match[1])}
    return gettext(title)


@lru_cache(maxsize=1)
def _of_the_library() -> dict[str, Words]:
    return {words.en: words for words in _words()}


def _words() -> Iterator[Words]:
    content = library.load()
    for plan in content.plans.values():
        for need in plan.needs:
            yield need.text
            for goal in need.goals:
                yield goal.text
                yield from (action.text for action in goal.actions)
    for instrument in content.instruments.values():
        yield from (critical.work for critical in instrument.scoring.critical)
    yield from (program.title for program in content.programs.values())
    for protocol in content.protocols.values():
        for branch in protocol.branches:
            yield branch.work.title
            yield from (change.text for change in branch.plan if change.text)
    yield from (kind.name for kind in content.readings.values())
    yield from (standard.title for standard in content.standards.values())
    yield from (rule.title for rule in content.clashes.rules)
