"""The store's contract tests again on Debian's PostgreSQL 15, the oldest that we support."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql/15/bin")


def main() -> int:
    if not (BINARIES / "initdb").exists():
        sys.stdout.write(
            "No PostgreSQL 15 here (Debian: apt-get install postgresql-15): contract tests on it skipped.\n"
        )
        return 0 if os.environ.get("CI") != "true" else 1
    os.environ["CARELOOP_POSTGRES_BIN"] = str(BINARIES)
    from careloop.store import embedded

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "postgres"
        url = embedded.ensure_running(folder)
        try:
            command = [sys.executable, "-m", "pytest", "tests/contracts", "-q", "-p", "no:randomly"]
            return subprocess.run(
                command, env=os.environ | {"DATABASE_URL_TEST": url}, check=False
            ).returncode
        finally:
            embedded.stop(folder)


sys.exit(main())
