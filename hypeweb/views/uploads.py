"""Files that come in parts: announce, ask how far, put the next part, discard."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from hypeweb import access
from hypeweb.models import Upload
from hypeweb.sample_forms import PartForm, UploadForm, checked, parse_json
from hypeweb.services import uploads


@login_required
@require_POST
def upload_new(request: HttpRequest) -> HttpResponse:
    owner = access.researcher(request)
    announced = checked(UploadForm(parse_json(request.body)))
    uploads.check(name=announced["name"], size_bytes=announced["size_bytes"])
    return _state(uploads.begin(owner=owner, now=timezone.now(), **announced))


@login_required
@require_http_methods(["GET", "PUT", "DELETE"])
def upload(request: HttpRequest, token: str) -> HttpResponse:
    found = access.upload(access.researcher(request), token)
    if request.method == "DELETE":
        uploads.discard_one(found)
        return HttpResponse(status=204)
    if request.method == "PUT":
        place = checked(PartForm(request.GET))
        data = request.read(uploads.PART_BYTES + 1)
        found = uploads.receive(upload=found, data=data, now=timezone.now(), **place)
    return _state(found)


def _state(found: Upload) -> JsonResponse:
    return JsonResponse(
        {
            "token": found.token,
            "received": found.received_bytes,
            "size": found.size_bytes,
            "part": uploads.PART_BYTES,
        }
    )
