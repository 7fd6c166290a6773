"""`careloop user`: members of staff who sign in."""

from __future__ import annotations

from typing import Any

import click

from careloop.access.roles import ROLES


def _ready() -> None:
    from careloop.server import command

    command.ready()


@click.group()
def user() -> None:
    """Members of staff who sign in."""


@user.command("create")
@click.argument("email")
@click.option("--name", required=True)
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help=f"{', '.join(sorted(ROLES))}; repeat for more.",
)
@click.option("--site", "sites", multiple=True, help="Organization id; repeat for more.")
@click.option("--credentials", default="", help="RN, LCSW, CHW …")
@click.option("--zone", default="America/New_York", show_default=True, help="The hour on this person's wall.")
@click.option(
    "--on-call",
    type=click.IntRange(0, 9),
    default=0,
    show_default=True,
    help="Urgent work goes to 1 first, then 2 and so on, to 9 (the supervisor) last; 0 is never on call.",
)
@click.password_option(help="Asked for when not given; 15 characters or more.")
def user_create(
    email: str,
    name: str,
    roles: tuple[str, ...],
    sites: tuple[str, ...],
    credentials: str,
    zone: str,
    on_call: int,
    password: str,
) -> None:
    """Add a member of staff, with a Practitioner of their own."""
    _ready()
    from careloop.server.people import create_user

    create_user(email, name, roles, sites, credentials, password, zone=zone, on_call=on_call)


@user.command("list")
def user_list() -> None:
    """Who may sign in, with roles and sites."""
    _ready()
    from careloop.server.people import list_users

    list_users()


@user.command("disable")
@click.argument("email")
def user_disable(email: str) -> None:
    """End a person's access now, sessions included."""
    _ready()
    from careloop.server.people import disable_user

    disable_user(email)


@user.command("change")
@click.argument("email")
@click.option("--role", "roles", multiple=True, help="Instead of those before; repeat for more.")
@click.option("--site", "sites", multiple=True, help="Organization id, instead of those before; repeat.")
@click.option("--zone", help="The hour on this person's wall.")
@click.option("--on-call", type=click.IntRange(0, 9), help="Place in line for urgent work; 0 is never.")
@click.option("--credentials", help="RN, LCSW, CHW …")
@click.option(
    "--password",
    prompt=True,
    prompt_required=False,
    hide_input=True,
    confirmation_prompt=True,
    help="Asked for when nothing follows it; ends open sessions.",
)
@click.option("--enable", "is_enabled", is_flag=True, help="Let a disabled account sign in again.")
def user_change(email: str, **said: Any) -> None:
    """Change roles, sites, zone, turn on call, credentials or password; what is not said stays."""
    _ready()
    from careloop.server.people import Change, change_user

    change_user(email, Change(**said))


ADDRESS = click.option(
    "--address",
    default="http://localhost:8000",
    show_default=True,
    help="Where Careloop answers, for the link.",
)


@user.command("invite")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, required=True, help="As `create`; repeat for more.")
@click.option("--site", "sites", multiple=True, help="Organization id; repeat for more.")
@click.option("--credentials", default="", help="RN, LCSW, CHW …")
@click.option("--zone", default="America/New_York", show_default=True, help="The hour on this person's wall.")
@click.option("--on-call", type=click.IntRange(0, 9), default=0, show_default=True, help="As `create`.")
@ADDRESS
def user_invite(email: str, address: str, **said: Any) -> None:
    """Print a link by which somebody sets up an account of their own, and the digits to say to them."""
    _ready()
    from careloop.server.people import Told, invite_user

    invite_user(Told(email, **said), address)


@user.command("link")
@click.argument("email")
@ADDRESS
def user_link(email: str, address: str) -> None:
    """Print a new link: for a forgotten password, or an invitation that ran out."""
    _ready()
    from careloop.server.people import link_user

    link_user(email, address)


@user.command("reset-mfa")
@click.argument("email")
def user_reset_mfa(email: str) -> None:
    """Forget a person's second factors, who lost all of them; the next sign-in sets up new ones."""
    _ready()
    from careloop.server.people import reset_factors

    reset_factors(email)


@click.group()
def sso() -> None:
    """Single sign-on by OpenID Connect."""


@sso.command("add")
@click.argument("name")
@click.option("--label", default="", help="As the button says it: Sign in with …")
@click.option("--issuer", required=True, help="As the provider writes it, https://login.example.org.")
@click.option("--client-id", required=True, help="What the provider calls Careloop.")
@click.option("--secret", prompt="Client secret (empty for none)", default="", hide_input=True)
@click.option("--domain", "domains", multiple=True, required=True, help="Of e-mail addresses; repeat.")
@click.option("--proves-twice", is_flag=True, help="It always asks for a second factor: ours is not asked.")
@click.option("--inside", "is_inside", is_flag=True, help="It lies in your own network.")
@click.option("--plain", "is_plain", is_flag=True, help="Without TLS: only where the way is protected.")
def sso_add(name: str, **said: Any) -> None:
    """Put a provider on the sign-in page; accounts and roles stay ours."""
    _ready()
    from careloop.server.sso import add_provider

    add_provider(name, **said)


@sso.command("list")
def sso_list() -> None:
    """Providers, for which domains, and whether their second factor counts."""
    _ready()
    from careloop.server.sso import list_providers

    list_providers()


@sso.command("remove")
@click.argument("name")
def sso_remove(name: str) -> None:
    """Take a provider off the sign-in page, now."""
    _ready()
    from careloop.server.sso import remove_provider

    remove_provider(name)
