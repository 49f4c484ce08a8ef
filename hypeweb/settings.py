"""Settings, all from the environment; deploy/env.example documents each variable."""

import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from hypeweb import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(environment.read_text("HYPE_DATA_DIR", str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = environment.read_flag("DEBUG", default=False)
HTTPS = environment.read_flag("HTTPS", default=False)


def _secret_key() -> str:
    """Return SECRET_KEY, or one made on first use and kept in the data folder."""
    value = environment.read_text("SECRET_KEY")
    if value:
        return value
    if HTTPS:
        raise ImproperlyConfigured(
            "SECRET_KEY must be set when HTTPS=1, to at least 50 random characters."
        )
    path = DATA_DIR / "secret_key"
    try:
        with path.open("x", encoding="ascii") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text(encoding="ascii")


SECRET_KEY = _secret_key()
# Hashes workers' ids and encrypts addresses: who changes it forgets everybody.
IDENTITY_KEY = environment.read_text("IDENTITY_KEY") or SECRET_KEY
ALLOWED_HOSTS = environment.read_list("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = environment.read_list("CSRF_TRUSTED_ORIGINS")
SITE_URL = environment.read_text("SITE_URL").rstrip("/")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "hypeweb",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hypeweb.middleware.api_errors",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "hypeweb.middleware.languages",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "hypeweb.middleware.security_headers",
    "hypeweb.middleware.DomainErrors",
]

ROOT_URLCONF = "hypeweb.urls"
WSGI_APPLICATION = "hypeweb.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.i18n",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hypeweb.context.projects",
            ],
        },
    },
]

DATABASES = {
    "default": environment.database(
        environment.read_url(
            "DATABASE_URL",
            "sqlite://",
            schemes={"sqlite", "postgres", "postgresql"},
        ),
        DATA_DIR,
    ),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Files: a folder, or an S3 bucket.
_storage_url = environment.read_url("STORAGE_URL", "file://", schemes={"file", "s3"})
MEDIA_ROOT = Path(_storage_url.path or DATA_DIR / "files")
if _storage_url.scheme == "s3":
    _bucket = environment.bucket(_storage_url)
    _file_storage: dict[str, object] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": _bucket.name,
            "location": _bucket.prefix,
            "endpoint_url": _bucket.endpoint_url,
            "region_name": _bucket.region,
            "file_overwrite": True,
            "default_acl": None,
        },
    }
else:
    _file_storage = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
STORAGES = {
    "default": _file_storage,
    "staticfiles": {"BACKEND": "hypeweb.static_storage.StaticStorage"},
}
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = DEBUG

# Uploads above this stay on disk, never in memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20
MAX_UPLOAD_BYTES = environment.read_int("MAX_UPLOAD_BYTES", 2 * 2**30, minimum=1)
# What one person's uploads may take until they are imported, and for how long.
UPLOAD_QUOTA_BYTES = environment.read_int("UPLOAD_QUOTA_BYTES", 20 * 2**30, minimum=1)
UPLOAD_KEEP_HOURS = environment.read_int("UPLOAD_KEEP_HOURS", 72, minimum=1)
# Folders and s3:// prefixes that researchers may import from.
IMPORT_ROOTS = environment.read_list("IMPORT_ROOTS")
MAX_IMAGE_PIXELS = environment.read_int("MAX_IMAGE_PIXELS", 50_000_000, minimum=1)

# What a generator that somebody uploads may take, for each batch it makes.
GENERATOR_MAX_BYTES = environment.read_int("GENERATOR_MAX_BYTES", 2**30, minimum=1)
GENERATOR_MEMORY_BYTES = environment.read_int(
    "GENERATOR_MEMORY_BYTES", 4 * 2**30, minimum=256 * 2**20
)
GENERATOR_BATCH_SECONDS = environment.read_int(
    "GENERATOR_BATCH_SECONDS", 120, minimum=1
)
GENERATOR_THREADS = environment.read_int("GENERATOR_THREADS", 0, minimum=0)
# What one access token may ask of each web process.
API_REQUESTS_PER_MINUTE = environment.read_int(
    "API_REQUESTS_PER_MINUTE", 600, minimum=1
)

# Jobs: any broker Celery knows; the filesystem transport needs no server.
_broker = environment.read_url(
    "CELERY_BROKER_URL",
    "filesystem://",
    schemes={"filesystem", "redis", "rediss", "amqp", "amqps"},
)
CELERY_BROKER_URL = _broker.geturl() if _broker.netloc else "filesystem://localhost"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
if _broker.scheme == "filesystem":
    _queue = DATA_DIR / "queue"
    (_queue / "messages").mkdir(parents=True, exist_ok=True)
    (_queue / "control").mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "control_folder": str(_queue / "control"),
    }
elif _broker.scheme.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}

# A worker that stops renewing its lease on an evaluation for this long is dead.
EVALUATION_LEASE_SECONDS = environment.read_int(
    "EVALUATION_LEASE_SECONDS", 30, minimum=2
)
METRICS_CACHE = Path(
    environment.read_text("METRICS_CACHE", str(DATA_DIR / "metrics-cache"))
)
METRICS_DEVICE = environment.read_text("METRICS_DEVICE", "auto")

# Milestones of studies are told by e-mail where there is a server, and to webhooks.
EMAIL_URL = environment.read_text("EMAIL_URL")
_mail = environment.mail_server(EMAIL_URL)
EMAIL_BACKEND = _mail.backend
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.uses_ssl, _mail.uses_starttls
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = environment.read_text("EMAIL_FROM", "hypeweb@localhost")
# Webhooks inside the site's own network: only where its researchers may reach that.
WEBHOOK_PRIVATE_ADDRESSES = environment.read_flag(
    "WEBHOOK_PRIVATE_ADDRESSES", default=False
)
# Services that pay evaluators. Amazon's keys are boto3's own variables.
MTURK_ENDPOINT_URL = environment.read_text("MTURK_ENDPOINT_URL")
PROLIFIC_URL = environment.read_text(
    "PROLIFIC_URL", "https://api.prolific.com/api/v1"
).rstrip("/")
PROLIFIC_TOKEN = environment.read_text("PROLIFIC_TOKEN")
PROLIFIC_WEBHOOK_SECRET = environment.read_text("PROLIFIC_WEBHOOK_SECRET")
# The queue in which Mechanical Turk puts its notifications; empty polls only.
MTURK_QUEUE_URL = environment.read_text("MTURK_QUEUE_URL")
# The currency of the account at Prolific, in which every amount there is.
PROLIFIC_CURRENCY = environment.read_text("PROLIFIC_CURRENCY", "USD")
# What Prolific adds, in percent; academic and corporate accounts differ.
PROLIFIC_FEE_PERCENT = environment.read_int("PROLIFIC_FEE_PERCENT", 34)
# Who does not qualify is screened out there, instead of approved.
PROLIFIC_CUSTOM_SCREENING = environment.read_flag(
    "PROLIFIC_CUSTOM_SCREENING", default=False
)
# Longer than any call to a service takes: who began earlier is dead.
PAYMENT_LEASE_SECONDS = environment.read_int("PAYMENT_LEASE_SECONDS", 120, minimum=1)
# How long a payment that could not be sent waits, doubled each time up to the longest.
PAYMENT_RETRY_SECONDS = environment.read_int("PAYMENT_RETRY_SECONDS", 30, minimum=1)
PAYMENT_RETRY_LONGEST_SECONDS = environment.read_int(
    "PAYMENT_RETRY_LONGEST_SECONDS", 3600, minimum=1
)
# After so long a bonus that was paid is in Prolific's records for certain.
PROLIFIC_SETTLE_SECONDS = environment.read_int("PROLIFIC_SETTLE_SECONDS", 24 * 3600)

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
LOGIN_REDIRECT_URL = "studies"
LOGOUT_REDIRECT_URL = "home"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Evaluators choose among these; researchers' pages are English (middleware.py).
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        # Tells of every glyph that goes into a figure.
        "fontTools": {"level": "WARNING"},
        # Tell every request to a service that pays, and whom it is about.
        "boto3": {"level": "WARNING"},
        "botocore": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        # Tells of every rule of the screen's style that paper has no use for.
        "weasyprint": {"level": "ERROR"},
    },
    "root": {
        "handlers": ["console"],
        "level": environment.read_text("LOG_LEVEL", "INFO").upper(),
    },
}
