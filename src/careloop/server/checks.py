"""Is this installation safe to open? What `careloop check --deploy` asks, and `serve`, `work` and `listen` before they
start with CARELOOP_ENV=production (TRUST 24). Each finding says what is wrong and what to do; one is enough to refuse.

A check answers findings and never fails: what can't be looked at is a finding too. Which checks there are: CHECKS.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from careloop.accounts.models import User
from careloop.accounts.sign_in_models import Provider
from careloop.kernel.errors import CareError
from careloop.projections import consented
from careloop.server.backup import State
from careloop.store import embedded, lane_heads
from careloop.store.keys import number_of

SHORTEST_KEY: Final = 50
_KNOWN_KEYS: Final = ("only for tests", "django-insecure", "changeme", "secret", "careloop")
OLDEST_BACKUP: Final = timedelta(hours=24)
MOST_SKEW: Final = timedelta(seconds=2)
_WEAK_SSL: Final = {"", "disable", "allow", "prefer"}


class NotSafe(CareError):
    """Careloop does not start: this installation is not safe to open."""

    code, status = "not-safe", 503


@dataclass(frozen=True, slots=True)
class Finding:
    """code: stable, to look it up in docs/security/deploy.md. wrong, todo: sentences."""

    code: str
    wrong: str
    todo: str


@dataclass(frozen=True)
class Place:
    """What is looked at. hl7: host and port of the MLLP listener, port 0 for none."""

    settings: Any
    environ: Mapping[str, str]
    now: datetime
    hl7: tuple[str, int] = ("127.0.0.1", 0)
    home: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", Path(self.settings.HOME))


Check = Callable[[Place], Iterator[Finding]]


def findings(place: Place, checks: Sequence[Check] | None = None) -> list[Finding]:
    return [finding for check in (CHECKS if checks is None else checks) for finding in check(place)]


def refuse_unsafe(place: Place) -> None:
    """Raises NotSafe with every finding."""
    found = findings(place)
    if found:
        raise NotSafe(f"\n{told(found)}\nSee docs/security/deploy.md, then: careloop check --deploy")


def told(found: Sequence[Finding]) -> str:
    return "\n".join(f"  {one.code}: {one.wrong} {one.todo}" for one in found)


# --- settings


def debugging(place: Place) -> Iterator[Finding]:
    if place.settings.DEBUG or place.environ.get("CARELOOP_DEBUG"):
        yield Finding("debug", "Debugging is on: faults would show what they held.", "Unset CARELOOP_DEBUG.")


def secret_key(place: Place) -> Iterator[Finding]:
    key = str(place.settings.SECRET_KEY)
    todo = "Unset CARELOOP_SECRET_KEY (Careloop then makes one in its home), or set 64 random characters."
    if any(word in key.lower() for word in _KNOWN_KEYS):
        yield Finding("default-key", "The secret key is one that others know.", todo)
    elif len(key) < SHORTEST_KEY or len(set(key)) < 16:
        yield Finding("short-key", "The secret key is too short or too simple to keep anything.", todo)


def key_files(place: Place) -> Iterator[Finding]:
    """Files of keys and tokens in the home, whatever a part calls them; their folders too."""
    for path in sorted(place.home.rglob("*")) if place.home.exists() else ():
        is_key = any(word in path.name for word in ("key", "token", "secret")) and path.suffix != ".log"
        if "postgres" in path.parts or not is_key or path.is_symlink():
            continue
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            short = path.relative_to(place.home)
            yield Finding("key-file", f"{short} can be read by others.", f"chmod go= {path}")


def hosts(place: Place) -> Iterator[Finding]:
    named = [host.strip() for host in place.settings.ALLOWED_HOSTS]
    todo = "Set CARELOOP_HOSTS=care.example.org, the name in the address that people type."
    if not place.environ.get("CARELOOP_HOSTS"):
        yield Finding("hosts-unset", "Nobody said under which name this server answers.", todo)
    elif any(host in ("*", "") or host.startswith(".") for host in named):
        yield Finding("hosts-any", "It would answer to any name, also to one that somebody made up.", todo)


def tls(place: Place) -> Iterator[Finding]:
    if place.environ.get("CARELOOP_TLS") != "1" or not place.settings.SESSION_COOKIE_SECURE:
        todo = "Put a proxy that ends TLS before it and set CARELOOP_TLS=1."
        yield Finding("no-tls", "Pages and the API are not encrypted on their way.", todo)


def proxies(place: Place) -> Iterator[Finding]:
    """Without the number every visitor seems to come from the proxy, and one guesser locks out all."""
    if place.environ.get("CARELOOP_TLS") == "1" and "CARELOOP_PROXIES" not in place.environ:
        todo = "Set CARELOOP_PROXIES=1 (0 when nothing stands before it)."
        yield Finding("proxies-unset", "Nobody said how many proxies stand before Careloop.", todo)


def demonstration(place: Place) -> Iterator[Finding]:
    if place.settings.DEMO:
        todo = "Unset CARELOOP_DEMO."
        yield Finding("demo", "It runs as a demonstration, which signs in without a second factor.", todo)
    if place.environ.get("CARELOOP_CODES") == "file":
        todo = "Unset CARELOOP_CODES, or set up mail or text messages."
        yield Finding("codes-in-file", "Codes for patients are written into a file.", todo)


# --- disks


def disks(place: Place) -> Iterator[Finding]:
    said = place.environ.get("CARELOOP_DISK", "")
    if said not in ("encrypted", "declared-plain"):
        todo = "Set CARELOOP_DISK=encrypted, or declared-plain when somebody answers for a disk that is not."
        yield Finding(
            "disk-undeclared", "Nobody said whether the disks of database and home are encrypted.", todo
        )


def heads_apart(place: Place) -> Iterator[Finding]:
    """The signed heads tell whether the trail was cut; on the disk of the database they go the way it goes."""
    away = lane_heads.second_place()
    if str(getattr(place.settings, "AUDIT_HEADS", "")) == "syslog":
        return
    todo = "Set CARELOOP_AUDIT_HEADS to a folder on another disk or machine, or to syslog."
    data = _data_folder(place)
    if data is None:
        return  # a database on another machine
    if away is None:
        if _device(place.home / "audit") == _device(data):
            yield Finding(
                "heads-beside-database", "The heads of the audit trail lie on the database's disk.", todo
            )
    elif _device(away) == _device(data):
        yield Finding(
            "heads-beside-database", "The second place of the heads is on the database's disk too.", todo
        )


def heads_writable(place: Place) -> Iterator[Finding]:
    for folder in filter(None, (lane_heads.folder(), lane_heads.second_place())):
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(nearest, os.W_OK | os.X_OK):
            todo = f"Let the user that runs Careloop write into {folder}."
            yield Finding("heads-not-writable", "The heads of the audit trail can't be written.", todo)


def _data_folder(place: Place) -> Path | None:
    """Where the database lies, when it lies on this machine."""
    if not place.environ.get("DATABASE_URL"):
        return place.home / "postgres"
    found = connection.settings_dict
    is_local = not found["HOST"] or str(found["HOST"]).startswith("/") or _is_loopback(str(found["HOST"]))
    if not is_local:
        return None
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('data_directory', true)")
        row = cursor.fetchone()
    return Path(row[0]) if row and row[0] and Path(row[0]).exists() else None


def _device(path: Path) -> int:
    nearest = next(each for each in (path, *path.parents) if each.exists())
    return nearest.stat().st_dev


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- the database


def database(place: Place) -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            yield from _of_database(place, cursor)
    except DatabaseError as away:
        todo = "Start it, and look at DATABASE_URL."
        yield Finding("database-away", f"The database can't be asked ({type(away).__name__}).", todo)


def _of_database(place: Place, cursor: Any) -> Iterator[Finding]:
    try:
        embedded.check_settings(cursor)
    except embedded.NotDurable as weak:
        yield Finding("weak-database", weak.sentence, "")
    try:
        embedded.check_encoding(cursor)
    except embedded.NotUtf8 as other:
        yield Finding("database-encoding", other.sentence, "Its rows have to be brought over.")
    yield from _role(place, cursor)
    yield from _transport(cursor)
    cursor.execute("select clock_timestamp()")
    if abs(cursor.fetchone()[0] - place.now) > MOST_SKEW:
        todo = "Let both machines ask a time server (NTP)."
        yield Finding("clock-skew", "The clocks of Careloop and of the database differ by seconds.", todo)


def _role(place: Place, cursor: Any) -> Iterator[Finding]:
    cursor.execute(
        "select current_user, r.rolsuper, s.rolsuper from pg_roles r, pg_roles s "
        "where r.rolname = current_user and s.rolname = session_user"
    )
    name, is_super, is_super_before = cursor.fetchone()
    if name != "careloop_app" or is_super:
        todo = "Unset CARELOOP_DB_ROLE: Careloop then works as careloop_app, which can't change what was written."
        yield Finding("database-role", f"It works as {name}, who may change the audit trail.", todo)
    if is_super_before and place.environ.get("DATABASE_URL"):
        todo = "Name an ordinary role in DATABASE_URL that owns this database alone."
        yield Finding("database-superuser", "It signs in to the database as a superuser.", todo)


def _transport(cursor: Any) -> Iterator[Finding]:
    host = str(connection.settings_dict["HOST"])
    if not host or host.startswith("/") or _is_loopback(host):
        return
    cursor.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    row = cursor.fetchone()
    mode = str((connection.settings_dict.get("OPTIONS") or {}).get("sslmode", ""))
    if not (row and row[0]) or mode in _WEAK_SSL:
        todo = "Add ?sslmode=verify-full to DATABASE_URL and turn ssl on at the server."
        yield Finding("database-plain", "What goes to the database is not surely encrypted.", todo)


def migrations(place: Place) -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return  # `database` says so
    if waiting:
        yield Finding("migrations", f"{len(waiting)} migrations have not run.", "Run careloop migrate.")


_READ: Final = """
select exists (select from heads where type = %s and state = 1), exists (select from once where kind = %s and key = %s)
"""


def consents_read(place: Place) -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_READ, [number_of("Consent"), consented.READ, consented.reading()])
            are_there, is_current = cursor.fetchone()
    except DatabaseError:
        return  # `database` or `migrations` says so
    if are_there and not is_current:
        wrong = "What Consents say was worked out by the rules of another version: somebody may see too much."
        yield Finding("consents-read", wrong, "Run careloop migrate (or careloop rebuild).")


def demo_accounts(place: Place) -> Iterator[Finding]:
    try:
        count = User.objects.filter(email__iendswith=".example", is_active=True).count()
    except DatabaseError:
        return  # `database` and `migrations` say so
    if count:
        todo = "Use an empty database; never put real people beside the demonstration's."
        yield Finding(
            "demo-accounts", f"{count} accounts of the demonstration may sign in, their password known.", todo
        )


# --- what leaves and what comes in


def hl7(place: Place) -> Iterator[Finding]:
    host, port = place.hl7
    if not port or _is_loopback(host):
        return
    if not (place.environ.get("CARELOOP_HL7_CERTIFICATE") and place.environ.get("CARELOOP_HL7_KEY")):
        if place.environ.get("CARELOOP_HL7_NETWORK") == "vpn" and _is_private(host):
            return
        todo = (
            "Set CARELOOP_HL7_CERTIFICATE and CARELOOP_HL7_KEY, or listen on a VPN's private address "
            "and set CARELOOP_HL7_NETWORK=vpn."
        )
        yield Finding("hl7-plain", f"HL7 messages would come in unencrypted on {host}.", todo)


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private and not ip_address(host).is_unspecified
    except ValueError:
        return False


def single_sign_on(place: Place) -> Iterator[Finding]:
    """A provider decides who somebody is: it must be one address over TLS, for domains that are named."""
    try:
        providers = list(Provider.objects.filter(is_active=True))
    except DatabaseError:
        return  # `database` and `migrations` say so
    for one in providers:
        if not one.issuer.startswith("https://") or not one.client_id:
            todo = "Set it up again with its https:// address: careloop sso --help."
            yield Finding("sso-plain", f"Single sign-on “{one.name}” is not encrypted or not complete.", todo)
        if not one.domains or any("." not in str(domain) or "*" in str(domain) for domain in one.domains):
            todo = "Name the domains of the addresses that it may speak for."
            yield Finding(
                "sso-domains", f"Single sign-on “{one.name}” could speak for anybody's address.", todo
            )


def turn(place: Place) -> Iterator[Finding]:
    """A relay for video that lends itself to anybody is found within hours and used for attacks."""
    said = place.environ
    if not said.get("CARELOOP_TURN_URLS"):
        return
    if said.get("CARELOOP_TURN_USER") or said.get("CARELOOP_TURN_PASSWORD"):
        todo = "Unset them and set CARELOOP_TURN_SECRET: each visit then gets credentials of its own that end with it."
        yield Finding("turn-static", "The TURN server has one user name and password for everybody.", todo)
    if len(said.get("CARELOOP_TURN_SECRET", "")) < 32:
        todo = "Set CARELOOP_TURN_SECRET to the server's static-auth-secret, 32 characters or more."
        yield Finding("turn-open", "The TURN server is open, or its secret is short.", todo)
    if not said.get("CARELOOP_TURN_REALM"):
        todo = "Set CARELOOP_TURN_REALM to the realm of its configuration."
        yield Finding("turn-realm", "The TURN server has no realm.", todo)


def newest_backup(home: Path) -> datetime | None:
    """When the last backup was whole, as `careloop backup` noted it in the home."""
    base = State.read(home).base
    return datetime.fromisoformat(base) if base else None


def backups(place: Place) -> Iterator[Finding]:
    newest = newest_backup(place.home)
    if newest is None:
        todo = "Set CARELOOP_BACKUP_DIR; careloop serve then takes them. See careloop backup --help."
        yield Finding("no-backup", "There is no backup.", todo)
    elif place.now - newest > OLDEST_BACKUP:
        todo = "Run careloop backup, look why it did not run by itself, and keep CARELOOP_BACKUP_DIR set."
        yield Finding("old-backup", f"The newest backup is from {newest:%Y-%m-%d %H:%M} UTC.", todo)


CHECKS: Final[tuple[Check, ...]] = (
    *(debugging, secret_key, key_files, hosts, tls, proxies, demonstration),
    *(disks, heads_apart, heads_writable),
    *(database, migrations, consents_read, demo_accounts),
    *(hl7, single_sign_on, turn, backups),
)
