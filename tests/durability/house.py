"""An installation of its own, with its own database: written to, backed up, lost, restored. Commands run as
processes, as they do in a house; what is written and asked runs in one (see `life.py`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from careloop.store import embedded
from careloop.store.backup_files import RecoveryKey, make_key

REPO = Path(__file__).resolve().parent.parent.parent
LIFE = Path(__file__).with_name("life.py")


@dataclass
class House:
    """url: of a server of its own; empty for the embedded one."""

    home: Path
    target: Path
    url: str = ""
    recovery: str = field(default="", repr=False)

    @property
    def environment(self) -> dict[str, str]:
        dropped = {"DATABASE_URL", "CARELOOP_SECRET_KEY", "CARELOOP_BACKUP_DIR", "CARELOOP_DB_ROLE"}
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        more = {"DATABASE_URL": self.url} if self.url else {}
        return {
            **kept,
            **more,
            "CARELOOP_HOME": str(self.home),
            "CARELOOP_RECOVERY_KEY": self.recovery,
            "DJANGO_SETTINGS_MODULE": "careloop.server.settings",
        }

    def settle_in(self) -> None:
        self.say("migrate")
        self.recovery = make_key(self.home / "backup-key")

    @property
    def key(self) -> RecoveryKey:
        return RecoveryKey.parse(self.recovery)

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "careloop.server", *words]
        return subprocess.run(
            command, env=self.environment | more, cwd=REPO, check=False, capture_output=True, text=True
        )

    def say(self, *words: str, **more: str) -> str:
        done = self.run(*words, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refuses(self, *words: str, **more: str) -> str:
        """The sentence it is refused with, which is all that is said."""
        done = self.run(*words, **more)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr.strip().splitlines()[-1]

    def lives(self, *words: str) -> Any:
        """One step of life.py; what it answers."""
        if not self.url:
            embedded.ensure_running(self.home / "postgres")
        command = [sys.executable, str(LIFE), *words]
        done = subprocess.run(
            command, env=self.environment, cwd=REPO, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def moved_to(self, home: Path) -> House:
        return House(home, self.target, self.url, self.recovery)

    def stop(self) -> None:
        if not self.url:
            embedded.stop(self.home / "postgres")


def everything_in(folder: Path) -> dict[str, int]:
    """Names with the hour of their last change: to see that nothing was touched."""
    return {
        path.relative_to(folder).as_posix(): path.lstat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and "/log/" not in str(path) and not path.name.startswith("pgstat")
    }
