"""The library as clinicians read it: every page of every thing, in both languages, and how sure we are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

import careloop
from careloop.accounts.models import User
from careloop.library import load
from careloop.web.staff.library_words import Wording, source_lines

LIBRARY = load()
PAGES = [
    "/library",
    *(f"/library/instruments/{each}" for each in LIBRARY.instruments),
    *(f"/library/programs/{each}" for each in LIBRARY.programs),
    *(f"/library/plans/{each}" for each in LIBRARY.plans),
    *(f"/library/rules/{each}" for each in LIBRARY.rules),
    *(f"/library/leaflets/{each}" for each in LIBRARY.leaflets),
]


@pytest.fixture
def ana(record: None) -> Iterator[Client]:
    user = User.objects.create_user(
        "ana@example.org", "a quiet Monday morning", "Ana Reyes", roles=["coordinator"]
    )
    client = Client()
    client.force_login(user)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield client


def page(client: Client, path: str, language: str = "en", **query: str) -> str:
    answer: Any = client.get(path, query, headers={"Accept-Language": language})
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def test_every_page_opens_in_both_languages(ana: Client) -> None:
    for path in PAGES:
        assert "<h1>" in page(ana, path)
        assert '<html lang="es">' in page(ana, path, "es")


def test_an_instrument_shows_wording_scoring_and_its_critical_answers(ana: Client) -> None:
    said = page(ana, "/library/instruments/phq-9")
    assert "Little interest or pleasure in doing things" in said
    assert "5–9" in said
    assert "Answers that speak at once" in said
    assert "is 1 or more" in said
    assert "/assess/phq-9/blank" in said


def test_a_rule_says_its_source_how_sure_we_are_and_what_the_code_reads(ana: Client) -> None:
    tcm = page(ana, "/library/rules/tcm-contact")
    assert "MLN908628" in tcm
    assert "read in a primary source" in tcm
    assert "Encounter.period.end" in tcm
    assert "our own rule, not a regulation" in page(ana, "/library/rules/silence")


def test_a_rule_that_no_code_names_says_that_nothing_is_decided_by_it_yet(ana: Client) -> None:
    sources = "".join(path.read_text("utf-8") for path in Path(careloop.__file__).parent.rglob("*.py"))
    unused = {id for id, versions in LIBRARY.rules.items() if not versions[-1].decides}
    assert unused == {"hedis-trc", "chi-consent", "adt-notices"}
    for id in unused:
        assert f'"{id}"' not in sources
        said = page(ana, f"/library/rules/{id}")
        assert "nothing is decided by it yet" in said
        assert "What the code reads" not in said
        assert "todavía no se decide nada con ella" in page(ana, f"/library/rules/{id}", "es")
    assert "nothing is decided by it yet" not in page(ana, "/library/rules/tcm-contact")


def test_a_translation_that_nobody_validated_is_not_shown_as_certain(ana: Client) -> None:
    assert "not validated" in page(ana, "/library/instruments/transition-call")


def test_a_search_finds_in_either_language_and_says_when_it_finds_nothing(ana: Client) -> None:
    assert "PHQ-9" in page(ana, "/library", q="placer")
    assert "/library/rules/tcm-contact" in page(ana, "/library", q="tcm contact")
    assert "Nothing found" in page(ana, "/library", q="zebra")


def test_a_leaflet_comes_in_the_language_of_whoever_takes_it_home(ana: Client) -> None:
    spanish = ana.get("/library/leaflets/when-to-call", {"language": "es"}).content.decode()
    assert "Cuándo llamarnos" in spanish
    assert '<html lang="en">' in spanish


def test_conditions_read_as_sentences() -> None:
    need = LIBRARY.plans["food"].needs[0]
    assert Wording(LIBRARY, "en").of(need.when).startswith("(Social needs: ")
    assert " and not: Social needs: " in Wording(LIBRARY, "en").of(need.when)


def test_a_source_is_read_line_by_line() -> None:
    lines = source_lines(LIBRARY.instruments["gad-7"].source)
    assert lines[0].label == "Source"
    assert "*" not in lines[0].text


def test_what_is_not_there_is_a_plain_404(ana: Client) -> None:
    for path in ("/library/rules/nothing", "/library/instruments/nothing", "/library/leaflets/x"):
        assert ana.get(path).status_code == 404


def test_who_is_not_signed_in_goes_to_the_door(ana: Client) -> None:
    assert Client().get("/library").status_code == 302


def test_an_instrument_says_its_rule_in_sentences(ana: Client) -> None:
    gds = page(ana, "/library/instruments/gds-15")
    assert "How many of 15 answers count. From 0 to 15." in gds
    assert "The other way round: “Are you basically satisfied with your life?”" in gds
    assert "The mean of 3 answers. From 0 to 10." in page(ana, "/library/instruments/peg")
    assert "A higher number is better." in page(ana, "/library/instruments/katz-adl")
    spanish = page(ana, "/library/instruments/gds-15", "es")
    assert "Cuántas de 15 respuestas cuentan. De 0 a 15." in spanish


def test_bands_and_cut_points_stand_with_whom_they_are_for_and_their_source(ana: Client) -> None:
    audit = page(ana, "/library/instruments/audit-c")
    assert "For men, from 4" in audit
    assert "For women, from 3" in audit
    assert "Bush 1998 (sensitivity 0.86, specificity 0.72)" in audit
    assert "At 4 or more" in audit
    assert "is “positive: drinking that may do harm”" in audit


def test_golden_cases_are_run_as_the_page_is_read(ana: Client) -> None:
    assert "10 of 10 golden cases come out as expected." in page(ana, "/library/instruments/audit-c")
    assert "10 de 10 casos de prueba dan lo esperado." in page(ana, "/library/instruments/audit-c", "es")


def test_how_sure_we_are_of_the_words_is_said_for_each_language(ana: Client) -> None:
    said = page(ana, "/library/instruments/peg")
    assert "word for word as independent public copies have it" in said
    assert "written for Careloop, not validated" in said
