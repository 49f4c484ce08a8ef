import json
import os
import subprocess
import sys

import pytest

from tests.servers.conftest import ROOT

pytestmark = [pytest.mark.services, pytest.mark.slow]


def joins(installation, **settings):
    done = subprocess.run(
        [sys.executable, "-m", "tests.servers.joins", json.dumps(settings)],
        cwd=ROOT,
        env={**os.environ, **installation.env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_fifty_who_join_at_once_leave_arms_and_images_balanced(make_installation):
    found = joins(make_installation(database="HYPE_TEST_DATABASE_URL"))
    # 50 people see 6 real images each: 300 over 40.
    assert found["at_once"]["images"]["real"] == [7, 8]
    for moment in found.values():
        assert max(moment["arms"].values()) - min(moment["arms"].values()) <= 1
        assert len(moment["images"]) == 4
        for fewest, most in moment["images"].values():
            assert most - fewest <= 1


def test_within_subjects_orders_and_images_are_balanced_too(make_installation):
    installation = make_installation(database="HYPE_TEST_DATABASE_URL")
    found = joins(installation, design="within", evaluators_per_arm=100)
    # Three arms are counterbalanced in six orders, and 50 people are 8 or 9 of each;
    # they see 6 images of each kind in each of 3 parts: the real ones, 900 over 40.
    assert found["at_once"]["images"]["real"] == [22, 23]
    for moment in found.values():
        orders = moment["orders"]
        assert len(orders) == 6
        assert max(orders.values()) - min(orders.values()) <= 1
        assert len(moment["images"]) == 4
        for fewest, most in moment["images"].values():
            assert most - fewest <= 1
