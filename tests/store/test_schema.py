"""What the tables promise by themselves."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection


@pytest.mark.parametrize("table", ["versions", "feed", "audit", "audit_now", "moves", "disclosures"])
@pytest.mark.parametrize("statement", ["update {} set tx = 1", "delete from {}", "truncate {}"])
def test_the_application_can_only_add_to_what_was_said(record: None, table: str, statement: str) -> None:
    if "update" in statement and table in ("audit", "audit_now", "moves"):
        statement = "update {} set rid = 1"
    with connection.cursor() as cursor, pytest.raises(Exception, match="permission denied") as refused:
        cursor.execute(statement.format(table))
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


def test_the_application_is_not_the_owner(record: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select current_user, session_user")
        assert cursor.fetchone() == ("careloop_app", "careloop")
