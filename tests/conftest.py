import shutil
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.test import Client

from tests import factories
from tests.doubles.mail import MailDouble
from tests.doubles.mturk import MTurkDouble
from tests.doubles.prolific import ProlificDouble
from tests.factories import NOW

AWS_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SHARED = Path(__file__).resolve().parents[2] / "shared"

# How long an example takes is the machine's business.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _remove_data_dir():
    yield
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture
def researcher(db):
    return factories.make_user("researcher")


@pytest.fixture
def researcher_client(researcher):
    client = Client()
    client.force_login(researcher)
    return client


@pytest.fixture
def study(researcher):
    """An open untimed study of two arms, four trials to a session."""
    return factories.open_study(researcher, protocol="hype_inf")


@pytest.fixture
def timed_study(researcher):
    """An open timed study of one arm, two blocks of four trials."""
    return factories.open_study(researcher, protocol="hype_time", n_arms=1)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self):
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def advance(self, **by) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def mturk(settings, monkeypatch, clock):
    for name, value in AWS_KEYS.items():
        monkeypatch.setenv(name, value)
    double = MTurkDouble(clock=clock.seconds)
    with double.serving() as address:
        settings.MTURK_ENDPOINT_URL = address
        yield double


@pytest.fixture
def prolific(settings, clock):
    settings.PROLIFIC_TOKEN = "t"
    settings.PROLIFIC_SETTLE_SECONDS = 3600
    double = ProlificDouble(clock=clock.seconds, shows_after_s=600)
    with double.serving() as address:
        settings.PROLIFIC_URL = address
        yield double


@pytest.fixture
def mail_server(settings):
    double = MailDouble()
    with double.serving() as port:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield double
