"""compose.yaml fits together, and fits the Dockerfile beside it."""

from tests.deploy.reading import DEPLOY, compose, stages

SERVICES = compose()["services"]


def test_services_are_those_of_a_whole_site():
    assert set(SERVICES) == {
        "proxy",
        "setup",
        "web",
        "worker",
        "worker-cuda",
        "postgres",
        "redis",
    }


def test_every_build_names_a_stage_of_the_dockerfile():
    targets = {s["build"]["target"] for s in SERVICES.values() if "build" in s}
    assert targets == {"web", "worker", "worker-cuda"}
    assert targets <= set(stages())
    for service in SERVICES.values():
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / "manage.py").exists()
            dockerfile = service["build"]["dockerfile"]
            assert (DEPLOY / service["build"]["context"] / dockerfile).exists()


def test_services_depend_on_services_whose_condition_can_come_true():
    for service in SERVICES.values():
        for name, wish in service.get("depends_on", {}).items():
            needed = SERVICES[name]
            if wish["condition"] == "service_completed_successfully":
                assert needed["restart"] == "no"
            else:
                assert wish["condition"] == "service_healthy"
                assert "healthcheck" in needed or "HEALTHCHECK" in instructions(needed)


def test_everything_that_stays_up_has_a_health_check():
    for service in SERVICES.values():
        if service["restart"] != "no":
            assert "healthcheck" in service or "HEALTHCHECK" in instructions(service)


def test_only_the_proxy_is_reached_from_outside():
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["proxy"]


def test_named_volumes_are_declared_and_mounted_files_exist():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).is_file()
            else:
                assert source in compose()["volumes"]


def test_what_web_and_workers_share_is_one_folder():
    for name in ("setup", "web", "worker", "worker-cuda"):
        assert SERVICES[name]["volumes"] == ["data:/data"]
        assert SERVICES[name]["environment"]["HYPE_DATA_DIR"] == "/data"


def test_no_secret_stands_in_the_file():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or "KEY" in name:
                assert value.startswith("${")


def instructions(service: dict) -> set[str]:
    """Return the keywords of a service's stage and those it is based on."""
    name, found = service.get("build", {}).get("target", ""), set()
    while name in stages():
        found |= {keyword for keyword, _ in stages()[name].instructions}
        name = stages()[name].base
    return found
