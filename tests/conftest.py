import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tests import factories

SHARED = Path(__file__).resolve().parents[2] / "shared"


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
