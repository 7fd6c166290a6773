"""Ten thousand people in a few seconds: rows as the record would write them, made by the database itself.

Only what query plans depend on is true to life: how many rows, how they are spread, which indexes they stand in.
"""

from __future__ import annotations

from typing import Any

from careloop.fhir.definitions import search_params
from careloop.fhir.index import VERSION
from careloop.fhir.terms import key_of
from careloop.store.keys import number_of
from tests.conftest import owner_connection

PEOPLE = 10_000
SITES = 100  # rids 1 to 100; their coordinators are 101 to 200
FIRST_PATIENT = 1_000
FIRST_READING = 100_000  # three a person
FIRST_TASK = 200_000  # one a person
LOINC = "http://loinc.org"


def param(kind: str, code: str) -> int:
    return search_params(kind)[code].id


def patient(number: int) -> str:
    return f"p{FIRST_PATIENT + number}"


def ten_thousand_people() -> None:
    with owner_connection() as owner:
        for statement in (*_resources(), *_index(), *_facts()):
            owner.execute(statement.encode())
        owner.execute(b"analyze")


def _resources() -> list[str]:
    made = (
        ("Organization", "o", 1, SITES, "0"),
        ("Practitioner", "d", SITES + 1, SITES, "0"),
        ("Patient", "p", FIRST_PATIENT, PEOPLE, "n"),
        ("Observation", "r", FIRST_READING, 3 * PEOPLE, f"{FIRST_PATIENT} + (n - {FIRST_READING}) / 3"),
        ("Task", "t", FIRST_TASK, PEOPLE, f"{FIRST_PATIENT} + (n - {FIRST_TASK})"),
    )
    found = []
    for kind, letter, first, count, home in made:
        rows = f"from generate_series({first}, {first + count - 1}) n"
        at = "timestamptz '2026-01-01Z' + n * interval '61 seconds'"
        found += [
            f"insert into ids(type, id, rid, person) select {number_of(kind)}, '{letter}' || n, n, {home} {rows}",
            f"insert into heads(person, rid, type, version, at, state, labels, iv) "
            f"select {home}, n, {number_of(kind)}, 1, {at}, 1, 0, {VERSION} {rows}",
            f"insert into versions(person, rid, version, at, op, tx, codec, body) "
            f'select {home}, n, 1, {at}, 1, n, 0, \'{{"resourceType":"{kind}"}}\' {rows}',
        ]
    return found


def _index() -> list[str]:
    mrn, loinc, day = key_of("urn:mrn"), key_of(LOINC), 86_400_000_000
    status = key_of("http://hl7.org/fhir/task-status")
    patients = f"from generate_series({FIRST_PATIENT}, {FIRST_PATIENT + PEOPLE - 1}) n"
    readings = f"from generate_series({FIRST_READING}, {FIRST_READING + 3 * PEOPLE - 1}) n"
    tasks = f"from generate_series({FIRST_TASK}, {FIRST_TASK + PEOPLE - 1}) n"
    of_reading = f"{FIRST_PATIENT} + (n - {FIRST_READING}) / 3"
    of_task = f"{FIRST_PATIENT} + (n - {FIRST_TASK})"
    lead = "person, rid, param, n, g"
    return [
        f"insert into index_token({lead}, system, code) select n, n, {param('Patient', 'identifier')}, 0, 0, {mrn}, "
        f"n::text {patients}",
        f"insert into index_string({lead}, part, norm) select n, n, {param('Patient', 'family')}, 0, 0, 0, "
        f"'family' || n % 500 {patients}",
        f"insert into index_date({lead}, low, high) select n, n, {param('Patient', 'birthdate')}, 0, 0, "
        f"-(n % 20000) * {day}, (1 - (n % 20000)) * {day} {patients}",
        f"insert into index_token({lead}, system, code) select {of_reading}, n, {param('Observation', 'code')}, 0, 0, "
        f"{loinc}, case when n % 2 = 0 then '4548-4' else 'x' || n % 20 end {readings}",
        f"insert into index_date({lead}, low, high) select {of_reading}, n, {param('Observation', 'date')}, 0, 0, "
        f"(n % 700) * {day}, (n % 700 + 1) * {day} {readings}",
        f"insert into index_quantity({lead}, low, high, unit) select {of_reading}, n, "
        f"{param('Observation', 'value-quantity')}, 0, 0, n % 100, n % 100, {key_of('%')} {readings}",
        *(
            f"insert into index_reference({lead}, target) select {of_reading}, n, {param('Observation', code)}, 0, 0, "
            f"{of_reading} {readings}"
            for code in ("subject", "patient")
        ),
        f"insert into index_token({lead}, system, code) select {of_task}, n, {param('Task', 'status')}, 0, 0, "
        f"{status}, case when n % 3 = 0 then 'completed' else 'requested' end {tasks}",
        f"insert into index_reference({lead}, target) select {of_task}, n, {param('Task', 'owner')}, 0, 0, "
        f"{SITES + 1} + n % {SITES} {tasks}",
    ]


def _facts() -> list[str]:
    patients = f"from generate_series({FIRST_PATIENT}, {FIRST_PATIENT + PEOPLE - 1}) n"
    due = "timestamptz '2026-11-23 21:00Z' + (n % 900 - 200) * interval '1 hour'"
    return [
        f"insert into people(person, site, team, lead, zone) select n, 1 + n % {SITES}, null, "
        f"{SITES + 1} + n % {SITES}, 'America/Chicago' {patients}",
        f"insert into enrolled(person, program, since) select n, 'transitions', now() {patients} where n % 4 = 0",
        f"insert into briefs(person, id, name, birth_date, needs_interpreter, is_deceased) "
        f"select n, 'p' || n, 'Given Family' || n % 500, '1950-01-01', false, false {patients}",
        f"insert into finder(person, id, name, birth_date, words, phones, numbers) select n, 'p' || n, 'Given Family', "
        f"'1950-01-01', ' given family' || n % 500, array[(7135550000 + n)::text], array[n::text] {patients}",
        f"insert into story(person, rid, key, at, kind, title, reference) select n, n + k, '', now() - k * interval "
        f"'9 days', case when n % 3 = 0 then 'contact' else 'reading' end, 'A reading', 'r' {patients}, "
        "generate_series(1, 4) k",
        f"insert into heard(person, rid, at) select n, {FIRST_READING} + (n - {FIRST_PATIENT}) * 3, "
        f"now() - (n % 90) * interval '1 day' {patients}",
        f"insert into held(person, rid, is_need, icd, words) select n, {FIRST_READING} + (n - {FIRST_PATIENT}) * 3, "
        f"n % 4 = 0, "
        f"case when n % 7 = 0 then 'E11.9' else 'M54.5' end, 'A problem' {patients}",
        f"insert into courses select n, 'reading:blood-pressure', now() - interval '90 days', 150, 92, "
        f"{FIRST_READING} + (n - {FIRST_PATIENT}) * 3, now(), 120 + n % 60, 80, "
        f"{FIRST_READING} + (n - {FIRST_PATIENT}) * 3 {patients} where n % 3 > 0",
        f"insert into timers(person, kind, key, due, done) select n, 'wake', 't', {due}, "
        f"case when n % 50 > 0 then now() end {patients}",
        "insert into feed(generation, person, rid, type, version, op, tx) "
        "select 1, person, rid, type, 1, 1, 1 from heads",
        "insert into audit(lane, seq, at, actor, action, outcome, why, door, request, hash) select 30000 + n % 8, n, "
        "now(), 1, 'R', 0, 'care', 'page', 'r', '\\x00' from generate_series(1, 20000) n",
        f"insert into work(person, task, task_id, version, is_open, class, due, aim, wake, since, is_waiting, owner, "
        f"site, own_site, program, labels, position, kind, title, because, attempts, is_protected, is_acknowledged) "
        f"select n, n + {FIRST_TASK - FIRST_PATIENT}, 't' || n + {FIRST_TASK - FIRST_PATIENT}, 1, n % 3 <> 0, "
        f"case when n % 500 = 0 then 0 else 1 + n % 4 end, {due}, {due}, '1970-01-01Z', '2026-11-01Z', n % 7 = 0, "
        f"case when n % 5 = 0 then null else {SITES + 1} + n % {SITES} end, 1 + n % {SITES}, 1 + n % {SITES}, "
        f"'transitions', 0, n, 'call', 'Call', 'Because', 0, false, false {patients}",
    ]


def statements_of(run: Any) -> list[tuple[bytes, list[Any], bool]]:
    """Every query that `run` sends: its text with %s or $1 for parameters, these, and whether it may be planned once
    for any of them."""
    import psycopg

    found: list[tuple[bytes, list[Any], bool]] = []
    execute = psycopg.Cursor.execute

    def noting(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
        text = query if isinstance(query, bytes) else str(query).encode()
        if text.lstrip()[:6].lower() in (b"select", b"with p", b"with u", b"with k"):
            found.append((text, list(params or []), more.get("prepare") is not False))
        return execute(self, query, params, **more)

    psycopg.Cursor.execute = noting  # type: ignore[method-assign,assignment]
    try:
        run()
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]
    return found
