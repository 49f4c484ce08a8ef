"""An upload of several parts, imported by a worker on every core, over real servers."""

import pytest

from hypeweb.client import Client
from tests.factories import images_zip
from tests.servers.test_site import PASSWORD

pytestmark = [pytest.mark.services, pytest.mark.slow]

# So many that the worker starts processes that decode; more than one part together.
N_IMAGES = 320
SIDE = 128

MAKE_TOKEN = """
from django.contrib.auth.models import User
from django.utils import timezone
from hypeweb.services import access_tokens

scopes = access_tokens.AccessToken.Scope.values
user = User.objects.create_superuser("admin", password="%s")
made = access_tokens.make(
    user=user, name="test", scopes=scopes, days=1, now=timezone.now()
)
print(made.secret)
"""

SERVERS = {
    "postgresql, redis, s3": {
        "database": "HYPE_TEST_DATABASE_URL",
        "broker": "HYPE_TEST_REDIS_URL",
        "storage": "HYPE_TEST_S3_URL",
    },
    "postgresql, rabbitmq, folder": {
        "database": "HYPE_TEST_DATABASE_URL",
        "broker": "HYPE_TEST_AMQP_URL",
    },
    "sqlite, filesystem, folder": {},
}


@pytest.mark.parametrize("servers", SERVERS.values(), ids=SERVERS)
def test_an_archive_in_parts_becomes_a_sample_set(make_installation, tmp_path, servers):
    path = tmp_path / "images.zip"
    path.write_bytes(images_zip(N_IMAGES, seed=0, side=SIDE))
    installation = make_installation(**servers)
    token = installation.manage("shell", "--no-imports", "-c", MAKE_TOKEN % PASSWORD)
    with installation.running() as url:
        client = Client(url, token=token.strip(), pause_s=0.2)
        found = client.upload_sample_set(path, name="many", origin="real")
    assert path.stat().st_size > 8 * 2**20
    assert found["n_samples"] == N_IMAGES
