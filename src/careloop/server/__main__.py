"""`python -m careloop.server` is the command `careloop`."""

from careloop.server.command import main

main(prog_name="careloop")
