"""The Dockerfile's stages copy what exists and carry what they should."""

import pytest

from tests.deploy.reading import DEPLOY, ROOT, stages

KEYWORDS = {
    *("ARG", "CMD", "COPY", "ENV", "EXPOSE", "HEALTHCHECK"),
    *("RUN", "STOPSIGNAL", "USER", "WORKDIR"),
}


def lines(name: str, keyword: str) -> list[str]:
    return [value for one, value in stages()[name].instructions if one == keyword]


def chain(name: str) -> list[str]:
    found = [name]
    while stages()[found[-1]].base in stages():
        found.append(stages()[found[-1]].base)
    return found


def test_only_known_instructions():
    for stage in stages().values():
        assert {keyword for keyword, _ in stage.instructions} <= KEYWORDS


def test_bases_are_earlier_stages_or_python_311():
    earlier: set[str] = set()
    for stage in stages().values():
        assert stage.base in earlier or stage.base.startswith("python:3.11-")
        earlier.add(stage.name)


def test_copied_paths_exist_and_are_sent_to_the_build():
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    for stage in stages().values():
        for keyword, value in stage.instructions:
            if keyword == "COPY" and not value.startswith("--from="):
                source = value.split()[0]
                assert (ROOT / source).exists()
                assert f"!{source}" in sent.splitlines()


def test_copies_between_stages_name_a_stage():
    for stage in stages().values():
        for keyword, value in stage.instructions:
            if keyword == "COPY" and value.startswith("--from="):
                assert value.split()[0].removeprefix("--from=") in stages()


@pytest.mark.parametrize("name", ["web", "worker", "worker-cuda"])
def test_final_images_run_without_root_and_say_how_they_are(name):
    keywords = [
        keyword for one in chain(name) for keyword, _ in stages()[one].instructions
    ]
    assert {"USER", "HEALTHCHECK", "CMD"} <= set(keywords)
    user = next(value for one in chain(name) for value in lines(one, "USER"))
    assert user == "hype"


def test_web_image_holds_neither_torch_nor_metrics():
    copied = [value for one in chain("web") for value in lines(one, "COPY")]
    assert "--from=install-web /opt/venv /opt/venv" in copied
    assert not any("metrics" in value for value in copied)


def test_locks_of_the_images():
    assert "requirements-web.txt" in lines("install-web", "RUN")[0]
    assert "--extra-index-url" in lines("install-worker", "RUN")[0]
    assert "--extra-index-url" not in lines("install-worker-cuda", "RUN")[0]
