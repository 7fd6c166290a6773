"""Addresses that may be called, read strictly: what two programs could read differently is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from careloop.kernel.errors import CareError

_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\Z"
)
_IPV6: Final = re.compile(r"[0-9a-f:.]{2,45}\Z")
# No spaces, no controls, no backslash: as browsers and proxies read them differently.
_PATH: Final = re.compile(r"[!-\[\]-~]*\Z")
_PORTS: Final = {"https": 443, "http": 80}
_LONGEST: Final = 4_000


class BadAddress(CareError):
    """This is not a web address that Careloop calls. Write it like https://example.org/path."""

    code, status, issue_type = "destination-malformed", 422, "value"


@dataclass(frozen=True, slots=True)
class Target:
    """origin: scheme and host, and the port where it is not the scheme's own. path: with what stands behind a “?”."""

    scheme: str
    host: str
    port: int
    path: str = field(default="/", repr=False)

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse(url: str) -> Target:
    """Raises BadAddress."""
    if len(url) > _LONGEST or _PATH.match(url) is None or not url.lower().startswith(("https://", "http://")):
        raise BadAddress
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as odd:
        raise BadAddress from odd
    host = (parts.hostname or "").lower()
    if "@" in parts.netloc or "%" in parts.netloc or parts.fragment or not _is_host(host) or port == 0:
        raise BadAddress
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def _is_host(host: str) -> bool:
    return (_IPV6 if ":" in host else _HOST).match(host) is not None
