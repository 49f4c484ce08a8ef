"""schemathesis: no request of any kind makes the server fail or break its promises."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import checks

from hypeweb.services import evaluations, sampling, scores, uploads
from hypeweb.views.api.interface import api
from tests import factories, onnx_files
from tests.factories import NOW, join, walk

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# The same requests in every run, so that a failure is the change's and not luck's.
BOUNDED = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
OPERATIONS = [
    (method.upper(), path)
    for path, methods in api.get_openapi_schema()["paths"].items()
    for method in methods
]


@pytest.fixture
def names(researcher, study, settings):
    """What is really there, by the parameters that name it."""
    settings.GENERATOR_MEMORY_BYTES = 2**30
    walk(join(study), "rrrw")
    walk(join(study), "rrww")
    scores.score_study(study.pk, now=NOW)
    run = evaluations.request_evaluations(study)[0]
    generator = factories.make_generator(researcher, onnx_files.generator())
    upload = uploads.begin(
        owner=researcher, name="a.zip", size_bytes=9, fingerprint="", now=NOW
    )
    return {
        "slug": study.slug,
        "token": upload.token,
        "evaluation": run.pk,
        "generator": generator.pk,
        "sampling-run": failed_run(researcher, generator),
        "onnx": complete_upload(researcher).token,
        "project": study.project_id,
        "sample_set": study.real_set_id,
        "arms": [arm.sample_set_id for arm in study.arms.all()],
    }


def complete_upload(owner):
    data = onnx_files.generator()
    begun = uploads.begin(
        owner=owner, name="g.onnx", size_bytes=len(data), fingerprint="", now=NOW
    )
    return uploads.receive(upload=begun, offset=0, data=data, sha256="", now=NOW)


def failed_run(owner, generator):
    made = sampling.request_sampling(
        generator=generator,
        requested_by=owner,
        request=sampling.Request(n_samples=2, seed=1, truncations=[None]),
    )
    made.runs.update(state="failed")
    return made.runs.get().pk


def aim(case, path, names):
    """Point a request at what is there, so that it reaches the service behind."""
    for name in case.path_parameters:
        kinds = ("evaluation", "generator", "sampling-run")
        kind = next((kind for kind in kinds if f"{kind}s" in path), "sample_set")
        if name != "what":
            case.path_parameters[name] = names.get(name, names[kind])
    if isinstance(case.body, dict) and "arms" in case.body:
        case.body |= {"real_set": names["sample_set"], "arms": names["arms"]}
    if isinstance(case.body, dict) and "upload" in case.body:
        case.body |= {"upload": names["onnx"], "project": names["project"]}


def test_no_request_makes_the_server_fail(
    script, names, live_server, monkeypatch, settings
):
    settings.API_REQUESTS_PER_MINUTE = 10**9
    monkeypatch.setattr("hypeweb.tasks.enqueue", lambda *_: None)
    headers = {"Authorization": f"Bearer {script.secret}"}
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/v1/openapi.json")
    reached = set()

    def send_all(operation, path):
        @BOUNDED
        @given(case=operation.as_strategy(), is_aimed=strategies.booleans())
        def send(case, is_aimed):
            if is_aimed:
                aim(case, path, names)
            response = case.call_and_validate(headers=headers, checks=CHECKS)
            if response.status_code < 300:
                reached.add((operation.method.upper(), path))

        send()

    for method, path in OPERATIONS:
        send_all(schema[path][method], path)
    # Not only refusals were tried: most operations were carried out.
    assert len(reached) > len(OPERATIONS) / 2
