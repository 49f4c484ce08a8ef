"""The systemd units are ones systemd takes."""

# ruff: noqa: S607 - the commands are the repository's own

import shutil
import subprocess

import pytest

from tests.deploy.reading import ROOT, UNITS, unit


def test_there_is_a_unit_for_the_site_and_for_a_worker():
    assert [path.name for path in UNITS] == [
        "hypeweb-web.service",
        "hypeweb-worker.service",
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_do_not_run_as_root_and_keep_data_in_their_own_folder(path):
    values = unit(path)
    assert values["User"] == ["hypeweb"]
    assert values["StateDirectory"] == ["hypeweb"]
    assert "HYPE_DATA_DIR=/var/lib/hypeweb" in values["Environment"]
    assert values["EnvironmentFile"] == ["/etc/hypeweb/env"]


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here"
)
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_understood_by_systemd(path, tmp_path):
    copy = tmp_path / path.name
    copy.write_text(path.read_text().replace("/opt/hypeweb", str(ROOT)))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in result.stderr.splitlines() if path.name in line]
    assert complaints == []
