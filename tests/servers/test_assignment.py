import json
import os
import subprocess
import sys

import pytest

from tests.servers.conftest import ROOT

pytestmark = [pytest.mark.services, pytest.mark.slow]


def test_fifty_who_join_at_once_leave_arms_and_images_balanced(make_installation):
    installation = make_installation(database="HYPE_TEST_DATABASE_URL")
    done = subprocess.run(
        [sys.executable, "-m", "tests.servers.joins", "{}"],
        cwd=ROOT,
        env={**os.environ, **installation.env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # 50 people see 6 real images each: 300 over 40.
    assert found["at_once"]["images"]["real"] == [7, 8]
    for moment in found.values():
        assert max(moment["arms"].values()) - min(moment["arms"].values()) <= 1
        assert len(moment["images"]) == 4
        for fewest, most in moment["images"].values():
            assert most - fewest <= 1
