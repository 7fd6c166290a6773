"""What a program is called on the pages: as its content says, in the reader's language."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from careloop.library import load
from careloop.web.staff.reader import program_name


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_program_is_called_as_its_content_says(language: str) -> None:
    with override(language):
        for program in load().programs.values():
            assert program_name(program.code) == program.title.get(language)


def test_a_program_that_nobody_knows_is_read_as_words() -> None:
    with override("es"):
        assert program_name("hospice") == "Hospicio en casa"
        assert program_name("street-outreach") == "Street outreach"
