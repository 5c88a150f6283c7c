"""Settings: few choices, all through environment variables, each with a default that runs on a laptop.

LORALAND_DATA_DIR       where the database, the secret key and the admin's password live (var/)
LORALAND_WORLD          directory of the world to serve: world.json, base and adapters (demo/)
LORALAND_DEVICE         cpu, cuda or cuda:N (cpu)
LORALAND_DTYPE          auto, float32, bfloat16 or float16 (auto)
LORALAND_MAX_MODEL_LEN  longest prompt plus answer, in tokens (what the checkpoint allows)
LORALAND_ALLOWED_HOSTS  host names under which the site answers, besides this machine's own
LORALAND_ORIGINS        further origins that may post and open sockets, such as https://example.org
LORALAND_HTTPS          true behind TLS: secure cookies, HSTS, redirects to https (false)
LORALAND_TRUST_PROXY    true behind a proxy that sets X-Forwarded-Proto itself (false)
LORALAND_SECRET_KEY     signing key (made on first use, kept in LORALAND_DATA_DIR)
LORALAND_BROKER_URL     redis://…: trainings go to `python -m training worker`s (a child process of the site)
LORALAND_SIGN_UP        whether visitors may make themselves an account (true)
LORALAND_DEBUG          Django's debug pages; never on a reachable address (false)
"""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF

from loraland_site import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.directory("LORALAND_DATA_DIR", BASE_DIR / "var")
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # sessions and secrets: for this user alone

DEBUG = environment.boolean("LORALAND_DEBUG", False)
HTTPS = environment.boolean("LORALAND_HTTPS", False)
SECRET_KEY = environment.secret("LORALAND_SECRET_KEY", DATA_DIR / "secret-key")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *environment.words("LORALAND_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = environment.origins("LORALAND_ORIGINS")

# What the site serves, and with what.
LORALAND_WORLD = environment.directory("LORALAND_WORLD", BASE_DIR / "demo")
LORALAND_DEVICE = environment.text("LORALAND_DEVICE", "cpu")
LORALAND_DTYPE = environment.choice("LORALAND_DTYPE", "auto", ("auto", "float32", "bfloat16", "float16"))
LORALAND_MAX_MODEL_LEN = environment.integer("LORALAND_MAX_MODEL_LEN", None, least=16, most=1_000_000)
LORALAND_BROKER_URL = environment.text("LORALAND_BROKER_URL", "")
LORALAND_SIGN_UP = environment.boolean("LORALAND_SIGN_UP", True)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "playground",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "playground.middleware.static_files",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "loraland_site.urls"
ASGI_APPLICATION = "loraland_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "playground.selectors.site_context",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "loraland.sqlite3",
        "OPTIONS": {
            # Readers never wait for the writer, and a writer waits its turn instead of failing half-way.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "train"
LOGOUT_REDIRECT_URL = "catalogue"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # no collectstatic step: what is in static/ is served
WHITENOISE_MAX_AGE = 0  # browsers ask each time and get "not modified": file names carry no version
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Nothing on a page comes from elsewhere or from within the page: output of a model is untrusted input.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["playground.finetuning.uploads.LimitedUpload"]

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    # The __Host- prefix makes browsers refuse the cookie from any other host or over plain http.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
if environment.boolean("LORALAND_TRUST_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {
        # Not being ready yet is an answer, not an error.
        "not_503": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", None) != 503,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["not_503"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        # Strangers ask for what is not here, under names that are not ours, all the time.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "uvicorn": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}
