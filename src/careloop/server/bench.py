"""`careloop bench`: runs the files of benchmarks/, each in a process of its own, and prints what each measured."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from careloop.kernel.errors import CareError

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"


class NoCheckout(CareError):
    """Benchmarks live in the source checkout, not in the installed package."""

    code, status = "no-checkout", 404


def run(names: Sequence[str], *, quick: bool) -> int:
    """0 when each ran to its end; the figures themselves never fail a run."""
    if not FOLDER.is_dir():
        raise NoCheckout("Clone the repository and run `make bench`.")
    known = {path.stem: path for path in sorted(FOLDER.glob("[a-z]*.py"))}
    if unknown := set(names) - set(known):
        raise CareError(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}.")
    click.echo(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    environment = os.environ | ({"CARELOOP_BENCH_QUICK": "1"} if quick else {})
    failed = []
    for name in names or known:
        click.echo(f"\n== {name}")
        if subprocess.run([sys.executable, str(known[name])], env=environment, check=False).returncode:
            failed.append(name)
    if failed:
        click.echo(f"\nDid not run to the end: {', '.join(failed)}", err=True)
    return 1 if failed else 0
