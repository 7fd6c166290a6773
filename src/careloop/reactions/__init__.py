"""What follows a change, and what follows when an hour has come. `careloop work` runs both; nothing here is
announced to anybody: whoever wrote the change has gone on already."""

from careloop.reactions.follow import run
from careloop.reactions.timers import run_timers

__all__ = ["run", "run_timers"]
