"""The lock files agree with each other and carry no machine's own build."""

import re

import pytest

from tests.deploy.reading import DEPLOY, ROOT

LOCKS = {
    "site": ROOT / "requirements.txt",
    "web": DEPLOY / "requirements-web.txt",
    "dev": DEPLOY / "requirements-dev.txt",
}


def pins(name: str) -> dict[str, str]:
    text = LOCKS[name].read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)$", text, flags=re.MULTILINE))


def wishes(name: str, *, skip: str = "#") -> set[str]:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    return {
        re.split(r"[\[=~<> ]", line)[0].replace("_", "-")
        for line in text.splitlines()
        if line and not line.startswith(("#", "-")) and skip not in line
    }


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_every_package_and_no_local_build(name):
    lines = LOCKS[name].read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert len(packages) == len(pins(name))
    assert not any("+" in version for version in pins(name).values())


def test_torch_is_the_chosen_release():
    assert pins("site")["torch"] == "2.13.0"
    assert pins("site")["torchvision"] == "0.28.0"


def test_locks_are_compiled_from_what_is_asked_for_today():
    assert wishes("requirements.in", skip="\n") <= set(pins("site"))
    assert wishes("requirements-dev.in", skip="\n") <= set(pins("dev"))
    assert wishes("requirements.in", skip="# worker only") <= set(pins("web"))


def test_web_lock_is_the_sites_without_torch():
    assert set(pins("web").items()) <= set(pins("site").items())
    assert "torch" not in pins("web")


def test_locks_agree_where_they_overlap():
    both = set(pins("site")) & set(pins("dev"))
    assert {name: pins("dev")[name] for name in both} == {
        name: pins("site")[name] for name in both
    }
