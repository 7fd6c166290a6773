"""The embedded server survives what a laptop does to it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from careloop.store import embedded


@pytest.fixture
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="careloop-pg-"))
    yield place / "data"
    embedded.stop(place / "data")
    shutil.rmtree(place)


def test_it_starts_durable_on_a_socket_alone_and_is_found_again(folder: Path) -> None:
    assert not embedded.is_running(folder)
    url = embedded.ensure_running(folder)
    pid = embedded.postmaster_pid(folder)
    assert embedded.ensure_running(folder) == url == embedded.url_for(folder)
    assert embedded.postmaster_pid(folder) == pid
    with psycopg.connect(url) as connection:
        cursor = connection.cursor()
        embedded.check_settings(cursor)
        said = cursor.execute(
            "select current_setting('listen_addresses'), current_setting('data_checksums'), "
            "(select rolsuper from pg_roles where rolname = current_user)"
        ).fetchone()
    assert said == ("", "on", False)


def test_after_a_killed_postmaster_the_stale_pid_file_is_not_believed(folder: Path) -> None:
    url = embedded.ensure_running(folder)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept(n integer)")
    pid = embedded.postmaster_pid(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    embedded.ensure_running(folder)
    assert embedded.postmaster_pid(folder) != pid
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_another_processes_pid_in_a_left_behind_file_is_no_server(folder: Path) -> None:
    embedded.ensure_running(folder)
    embedded.stop(folder)
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n")
    assert embedded.postmaster_pid(folder) is None
    embedded.ensure_running(folder)
    assert embedded.is_running(folder)


def test_a_start_that_can_not_get_better_is_tried_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore says at once that the log ends too early; it took a minute or two of the same again."""
    embedded.ensure_running(folder)
    embedded.stop(folder)
    with (folder / "postgresql.conf").open("a") as conf:
        conf.write("shared_buffers = 'no such size'\n")
    starts = []
    run = embedded._run
    monkeypatch.setattr(
        embedded, "_run", lambda *words, **more: starts.append(words[1]) or run(*words, **more)
    )
    with pytest.raises(embedded.CannotStart, match="no such size"):
        embedded.ensure_running(folder, is_tried_again=False)
    assert starts == ["pg_ctl"]


def test_a_data_folder_of_another_major_version_is_left_untouched(folder: Path) -> None:
    folder.mkdir()
    (folder / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(embedded.WrongMajorVersion, match="made by PostgreSQL 9"):
        embedded.ensure_running(folder)
    assert [path.name for path in folder.iterdir()] == ["PG_VERSION"]


def test_a_folder_with_other_things_in_it_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "holiday.jpg").write_text("")
    with pytest.raises(embedded.CannotStart, match="not empty"):
        embedded.ensure_running(folder)


def test_a_path_too_long_for_a_socket_gets_a_short_place() -> None:
    deep = Path("/srv") / ("x" * 120) / "data"
    assert str(embedded.socket_folder(deep)).startswith("/tmp/.careloop-")
    assert embedded.socket_folder(deep) == embedded.socket_folder(deep)
