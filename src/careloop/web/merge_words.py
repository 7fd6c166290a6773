"""What merges say of themselves in the record, as `care.merge`, the actions and the hospital's door write it in
English: pages say it in the reader's language."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

SAID: Final = (
    gettext_noop("One of them has no birth date."),
    gettext_noop("One of them is a twin."),
    gettext_noop("Somebody has said that these two are related and not the same."),
    gettext_noop("Both have an active plan."),
    gettext_noop("Both have a list of allergies."),
    gettext_noop("They say different things about the code status. Confirm it with the person."),
    gettext_noop("They say different things about the code status."),
    gettext_noop("Confirm it with the person."),
    gettext_noop("They belong to two sites."),
    gettext_noop("The site of the record that stays keeps the person."),
    gettext_noop("They belong to two sites. The site of the record that stays keeps the person."),
    gettext_noop("Permissions are on hold until the person was asked again."),
    gettext_noop("Joined records were taken apart."),
    gettext_noop("What was written meanwhile is still here, and somebody has to say whose it is."),
    gettext_noop("Some of what went back was changed meanwhile."),
    gettext_noop("Look whether it is right."),
    gettext_noop("What the hospital says of the person differs from the record that stays."),
    gettext_noop("One of the records says that the person has died."),
    gettext_noop("Somebody here has taken these two apart before."),
    gettext_noop("They belong to another site than the one that this hospital writes to."),
    gettext_noop("The hospital joined its two record numbers."),
    gettext_noop("Two records were joined"),
    gettext_noop("Joined records were taken apart"),
)
