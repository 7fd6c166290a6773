"""Which addresses may be called, and which spellings of an address are read at all."""

from __future__ import annotations

import pytest

from careloop.connect.addresses import is_inside, is_outside
from careloop.connect.origins import BadAddress, parse

NEVER = (
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fe80::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
)
INSIDE = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
)


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_called(address: str) -> None:
    assert not is_outside(address)
    assert not is_inside(address)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_outside_however_it_is_written(address: str) -> None:
    assert not is_outside(address)
    assert is_inside(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_called(address: str) -> None:
    assert is_outside(address)


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://fhir.example.org", "https://fhir.example.org", "/"),
        ("HTTPS://FHIR.Example.org:443/a?b=c", "https://fhir.example.org", "/a?b=c"),
        ("https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443", "/x"),
        ("http://127.0.0.1:80/", "http://127.0.0.1", "/"),
    ],
)
def test_addresses_are_read_in_one_way(url: str, origin: str, path: str) -> None:
    target = parse(url)
    assert (target.origin, target.path) == (origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "fhir.example.org",
        "ftp://fhir.example.org/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "https://",
        "https://user:secret@fhir.example.org/",
        "https://good.example@evil.example/",
        "https://evil.example\\@good.example/",
        "https://good.example/#@evil.example",
        "https://good.example/a b",
        "https://good.example/\r\nX: y",
        "https://good.example/\tx",
        "https://bücher.example/",
        "https://good%2eexample/",
        "https://good.example:0/",
        "https://good.example:99999/",
        "https://good.example:x/",
        "https://good..example/",
        "https://good.example./",
        "https://" + "a" * 5000,
    ],
)
def test_what_two_programs_could_read_differently_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        parse(url)
