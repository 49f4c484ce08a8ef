"""Code, examples and documentation name the same environment variables."""

import ast
import re

from metrics.weights import FOLDER_VARIABLE
from tests.deploy.reading import (
    DEPLOY,
    ROOT,
    UNITS,
    compose,
    documented_variables,
    stages,
    unit,
)

# Read by what the site is built on, and by the database that compose starts.
READ_ELSEWHERE = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "POSTGRES_PASSWORD",
    FOLDER_VARIABLE,
}
NOT_TO_CHOOSE = {
    "DJANGO_SETTINGS_MODULE",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
}


def variables_read() -> set[str]:
    """Return the names given to a reader of hypeweb.environment in settings.py."""
    tree = ast.parse((ROOT / "hypeweb/settings.py").read_text(encoding="utf-8"))
    return {
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith("read_")
        and ast.unparse(node.func.value) == "environment"
    }


def test_every_variable_read_is_in_the_example_and_no_other():
    assert documented_variables() == variables_read() | READ_ELSEWHERE


def test_every_variable_is_in_the_table_of_the_documentation():
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \|", text, flags=re.MULTILINE)
    assert sorted(rows) == sorted(documented_variables())


def test_readme_and_documentation_name_no_variable_that_is_not_read():
    known = documented_variables() | {"SERVE", "PORT", "LOCK", "PYTHON"}
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    text += (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b([A-Z][A-Z_]{3,})=", text))
    assert {name for name in named if not name.startswith(("PIP_", "HYPE_TEST_"))} <= (
        known | {"HYPE_REQUIRE_SERVICES"}
    )


def test_images_services_and_units_set_only_variables_that_are_read():
    set_somewhere: set[str] = set()
    for stage in stages().values():
        for keyword, value in stage.instructions:
            if keyword == "ENV":
                set_somewhere |= set(re.findall(r"([A-Z_]+)=", value))
    for name, service in compose()["services"].items():
        if name != "postgres":
            set_somewhere |= set(service.get("environment", {}))
    for path in UNITS:
        for value in unit(path).get("Environment", []):
            set_somewhere.add(value.partition("=")[0])
    assert set_somewhere - NOT_TO_CHOOSE <= documented_variables()


def test_compose_and_proxy_take_only_documented_variables_from_the_env_file():
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    text += (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert set(re.findall(r"\{\$?([A-Z][A-Z0-9_]*)", text)) <= documented_variables()
