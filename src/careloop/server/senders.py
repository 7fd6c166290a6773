"""Senders from the command line: which systems may send HL7 v2, for which site, and what their own codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import click
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from careloop import library
from careloop.accounts.models import Principal, Sender
from careloop.actions.keep_accounts import NameTaken, known_organizations
from careloop.connect.hl7v2.tables import CLASS_WORDS
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError, NotFound

LONGEST_NAME = 50


class BadSender(CareError):
    """This sender can't be set up so."""

    code, status = "bad-sender", 422


@dataclass(frozen=True)
class Told:
    """What the operator said; None: nothing about it. peers replace those before; dispositions and classes, each
    CODE=meaning, add to them, and CODE= takes one away."""

    site: str | None = None
    hospital: str | None = None
    peers: Sequence[str] = ()
    application: str | None = None
    facility: str | None = None
    zone: str | None = None
    dispositions: Sequence[str] = ()
    classes: Sequence[str] = ()


def create_sender(name: str, told: Told) -> None:
    """Raises BadSender, NameTaken, UnknownPlace, UnknownZone."""
    _check_name(name)
    if Sender.objects.filter(name=name).exists():
        raise NameTaken(f"See careloop sender list; careloop sender change {name} changes what it says.")
    sender = _with(Sender(name=name), told)
    with transaction.atomic():
        sender.principal = Principal.objects.create(kind="sender", name=name)
        sender.save()
    click.echo(f"“{name}” is set up.\n{_said(sender)}")
    _advise(sender)


def change_sender(name: str, told: Told, *, is_enabled: bool = False) -> None:
    """is_enabled: it may send again. Raises BadSender, NotFound, UnknownPlace, UnknownZone."""
    sender = _named(name)
    sender.is_active = sender.is_active or is_enabled
    _with(sender, told).save()
    click.echo(f"“{name}” is changed, from its next message on.\n{_said(sender)}")
    _advise(sender)


def disable_sender(name: str) -> None:
    """Raises NotFound."""
    sender = _named(name)
    sender.is_active = False
    sender.save(update_fields=["is_active"])
    click.echo(f"“{name}” may no longer send. What it sent and is not taken in yet comes to Review.")


def list_senders() -> None:
    senders = Sender.objects.order_by("name")
    click.echo(
        "\n".join(map(_said, senders)) if senders else "No sender is set up: careloop sender create --help."
    )


def _named(name: str) -> Sender:
    found = Sender.objects.filter(name=name).first()
    if found is None:
        raise NotFound(f"No sender is called “{name}”; careloop sender list names them.")
    return found


def _check_name(name: str) -> None:
    try:
        validate_slug(name)
    except ValidationError as bad:
        raise BadSender("Its name may hold letters, digits, - and _, such as st-lukes.") from bad
    if len(name) > LONGEST_NAME:
        raise BadSender(f"Its name may have {LONGEST_NAME} characters.")


def _with(sender: Sender, told: Told) -> Sender:
    if told.peers:
        sender.peers = [str(_network(peer)) for peer in told.peers]
    for name in ("application", "facility"):
        if (said := getattr(told, name)) is not None:
            setattr(sender, name, said.strip())
    for name in ("site", "hospital"):
        if (said := getattr(told, name)) is not None:
            setattr(sender, name, *known_organizations([said], system_clock()))
    if told.zone is not None:
        sender.zone = zone_called(told.zone).key if told.zone else ""
    sender.dispositions = _mapped(sender.dispositions, told.dispositions, "--disposition", _meanings())
    sender.classes = _mapped(sender.classes, told.classes, "--class", CLASS_WORDS)
    _check_apart(sender)
    return sender


def _network(peer: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(peer.strip())
    except ValueError:
        pass
    try:
        meant = ip_network(peer.strip(), strict=False)
    except ValueError as bad:
        raise BadSender(f"--peer “{peer}” is no address: write it as 10.1.2.3 or 10.1.2.0/24.") from bad
    single = peer.partition("/")[0]
    raise BadSender(f"--peer {peer} is one address of a network: write {meant}, or {single} for it alone.")


def _meanings() -> Mapping[str, str]:
    today = system_clock().date()
    words: Mapping[str, str] = library.load().rule("discharge-dispositions", today).values["words"]
    return words


def _mapped(
    before: Mapping[str, str], told: Sequence[str], option: str, known: Mapping[str, str]
) -> dict[str, str]:
    mapped = dict(before)
    for each in told:
        code, equals, meaning = (part.strip() for part in each.rpartition("="))
        if not equals or not code:
            raise BadSender(
                f"{option} “{each}” needs a code and what it means: {option} HHA={next(iter(known))}."
            )
        if meaning and meaning not in known:
            raise BadSender(f"{option} {code}={meaning}: a meaning is one of {', '.join(known)}.")
        mapped[code] = meaning
    return {code: meaning for code, meaning in mapped.items() if meaning}


def _check_apart(sender: Sender) -> None:
    """Two that fit a message equally well would both be turned away (connect/hl7v2/senders.sender_of)."""
    for other in Sender.objects.filter(is_active=True, kind=sender.kind).exclude(name=sender.name):
        if sender.is_active and _is_same_door(sender, other):
            raise BadSender(
                f"Its messages could not be told from those of “{other.name}”: give it a --peer, --application"
                " (MSH-3) or --facility (MSH-4) of its own."
            )


def _is_same_door(one: Sender, other: Sender) -> bool:
    def alike(first: str, second: str) -> bool:
        return first.startswith(second) or second.startswith(first)

    return (
        len(one.application + one.facility) == len(other.application + other.facility)
        and alike(one.application, other.application)
        and alike(one.facility, other.facility)
        and _overlap(one.peers, other.peers)
    )


def _overlap(ours: Iterable[str], theirs: Sequence[str]) -> bool:
    pairs = ((ip_network(one, strict=False), ip_network(two, strict=False)) for one in ours for two in theirs)
    return any(one.version == two.version and one.overlaps(two) for one, two in pairs)


def _said(sender: Sender) -> str:
    told: dict[str, Any] = {
        "site": sender.site,
        "hospital": sender.hospital,
        "peers": " ".join(sender.peers),
        "application": sender.application,
        "facility": sender.facility,
        "zone": sender.zone,
        "dispositions": _pairs(sender.dispositions),
        "classes": _pairs(sender.classes),
    }
    state = "active" if sender.is_active else "disabled"
    return "\n".join([f"{sender.name}  {state}", *(f"  {key}: {said}" for key, said in told.items() if said)])


def _pairs(codes: Mapping[str, str]) -> str:
    return ", ".join(f"{code}={meaning}" for code, meaning in codes.items())


def _advise(sender: Sender) -> None:
    """What still keeps it from working as somebody would expect."""
    if not sender.peers:
        click.echo("It can't connect until it has a --peer; files come by careloop import hl7 --sender.")
    if not sender.zone:
        click.echo("Without a --zone, its times that carry no offset are kept as days only: none is guessed.")
    if not sender.is_active:
        click.echo(f"It is disabled: careloop sender change {sender.name} --enable lets it send again.")
