"""Django's settings, read from the environment. `careloop check --deploy` refuses weak ones."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from careloop.server import csp, logs
from careloop.server.secrets import secret_key

HOME = Path(os.environ.get("CARELOOP_HOME", "var")).resolve()
DEBUG = os.environ.get("CARELOOP_DEBUG", "") == "1"
SECRET_KEY = os.environ.get("CARELOOP_SECRET_KEY") or secret_key(HOME)
# A second place for the signed heads of the audit trail: a folder on another disk, or `syslog`.
AUDIT_HEADS = os.environ.get("CARELOOP_AUDIT_HEADS", "")
ALLOWED_HOSTS = os.environ.get("CARELOOP_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
SITE_NAME = "Careloop"

ROOT_URLCONF = "careloop.server.urls"
WSGI_APPLICATION = "careloop.server.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "csp",
    "careloop.store",
    "careloop.accounts",
    "careloop.projections",
    "careloop.web",
]

MIDDLEWARE = [
    "careloop.server.csp.Headers",
    "careloop.server.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "careloop.api.smart.cors.AppOrigins",
    "careloop.server.limits.Bounds",
    "careloop.server.room.Room",
    "careloop.server.middleware.FhirDoor",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # with random padding, and CSRF tokens masked anew each time (BREACH)
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "careloop.server.middleware.SessionLimits",
    "careloop.server.middleware.WhoAndWhen",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).resolve().parent.parent / "web" / "staff" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


def database(url: str) -> dict[str, object]:
    """A Django database entry from `postgresql://user:password@host:port/name`; host may be a socket folder
    (`postgresql://user@/name?host=/path`). The application works as the role careloop_app, which may not
    change what was written; `careloop migrate` works as the owner."""
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    role = os.environ.get("CARELOOP_DB_ROLE", "careloop_app")
    options: dict[str, object] = {}
    if role:
        options["options"] = f"-c role={role} -c statement_timeout=5000"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", "") or parts.hostname or ""),
        "PORT": str(query.get("port", "") or parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


DATABASE_URL = os.environ.get("DATABASE_URL", "")
if not DATABASE_URL:
    from careloop.store.embedded import url_for

    DATABASE_URL = url_for(HOME / "postgres")
DATABASES = {"default": database(DATABASE_URL)}

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "careloop.accounts.passwords.LongEnough"},
    {"NAME": "careloop.accounts.passwords.NothingCommon"},
    {"NAME": "careloop.accounts.passwords.NothingOfHers"},
]
# Made-up people (….example) sign in without a second factor; `check --deploy` refuses it.
DEMO = os.environ.get("CARELOOP_DEMO", "") == "1"
# How many proxies of ours stand before us: so many addresses at the end of X-Forwarded-For are believed.
PROXIES = int(os.environ.get("CARELOOP_PROXIES", "0"))
# How accounts call a provider of single sign-on: by the one way out, which they may not import.
FETCH = "careloop.server.sso.fetch"
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/today"
SESSION_IDLE_SECONDS = 15 * 60
SESSION_ABSOLUTE_SECONDS = 12 * 60 * 60
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "careloop.web.staff.errors.form_expired"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = 0
if os.environ.get("CARELOOP_TLS", "") == "1":
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    # Browsers take these names only from us, over TLS, for this host alone.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    # Programs are refused instead (server/limits.py); a load balancer may ask whether we live either way.
    SECURE_REDIRECT_EXEMPT = [r"^fhir(/|$)", r"^oauth/", r"^\.well-known/", r"^healthz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {"DIRECTIVES": csp.PAGES}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
# One folder a part of the pages, so that each keeps its own words.
LOCALE_PATHS = sorted((Path(__file__).resolve().parent.parent / "web" / "locale").glob("[a-z]*"))

STATIC_URL = "/static/"
# Served from where they are installed: nothing has to be collected first.
STATIC_ROOT = Path(__file__).resolve().parent.parent / "web" / "static"
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 3600

DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
DATA_UPLOAD_MAX_NUMBER_FILES = 5
# How many requests one process works on at a time; the rest waits a second, then is told to come again.
MOST_AT_ONCE = int(os.environ.get("CARELOOP_MOST_AT_ONCE", "64"))
# How many such processes share this machine: each lets one guest spend a part of its own share (server/room.py).
WORKERS = int(os.environ.get("CARELOOP_WORKERS", "1"))

LOGGING = logs.config(
    os.environ.get("CARELOOP_LOG", "WARNING"), os.environ.get("CARELOOP_LOG_FORMAT", "line")
)
