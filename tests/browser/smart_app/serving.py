"""A small app of somebody else's, on a port of its own: two pages around `fhirclient`, the library that SMART apps use.

The library comes from npm, one version by its checksum; it is kept under var/ and never shipped.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
KEPT = HERE.parents[2] / "var" / "test-npm"
PACKAGE = "fhirclient-2.6.3"
INTEGRITY = "CirZixcwWelbkIXxpxlNQx5+ZdJirl6F1s4y4yvA1X7hHAkr9n99aVHaMi0wX+97nATjKQ65X6NB5as/wZoJzg=="
INSIDE = "package/build/fhir-client.min.js"


def library() -> bytes:
    """Skips, with a plain reason, where npm can't bring it."""
    packed = KEPT / f"{PACKAGE}.tgz"
    if not packed.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm on this machine, which brings the test's client library")
        KEPT.mkdir(parents=True, exist_ok=True)
        name = PACKAGE.replace("-", "@")
        asked = [npm, "pack", name, "--pack-destination", str(KEPT)]
        if subprocess.run(asked, capture_output=True, timeout=120).returncode:
            pytest.skip(f"npm can't bring {name} here")
    content = packed.read_bytes()
    assert base64.b64encode(hashlib.sha512(content).digest()).decode() == INTEGRITY, (
        f"{packed} is another one"
    )
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        found = files.extractfile(INSIDE)
        assert found is not None
        return found.read()


class _Pages(SimpleHTTPRequestHandler):
    library: bytes

    def do_GET(self) -> None:
        if self.path != "/fhir-client.js":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript")
        self.send_header("Content-Length", str(len(self.library)))
        self.end_headers()
        self.wfile.write(self.library)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    """Its address."""
    pages = type("Pages", (_Pages,), {"library": library()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(pages, directory=str(HERE)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
