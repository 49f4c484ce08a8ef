"""Uploads: announce a file, put its parts in order, go on where it was cut off."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Path, Query, Router, Schema
from ninja.responses import Status

from hypeweb import access
from hypeweb.models import Upload
from hypeweb.services import uploads as service
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import NO_NUL

router = Router()

Token = Annotated[
    str, Path(pattern="^[A-Za-z0-9_-]{1,43}$", description="The upload's token.")
]
# JSON's numbers are exact up to here.
MAX_BYTES = 2**53 - 1
PART: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"The part's bytes, at most {service.PART_BYTES}.",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"}
            }
        },
    }
}


class UploadIn(Schema):
    """A file that is about to be sent."""

    name: str = Field(
        min_length=1,
        max_length=255,
        pattern=NO_NUL,
        description=f"Its name; ends in one of {', '.join(service.ANY_SUFFIXES)}.",
    )
    size_bytes: int = Field(ge=1, le=MAX_BYTES, description="Its size.")
    fingerprint: str = Field(
        "",
        max_length=255,
        pattern=NO_NUL,
        description="What the sender knows the file by, such as its hash: announced "
        "again, an unfinished upload goes on.",
    )


class UploadOut(Schema):
    """A file on its way."""

    token: str = Field(description="Names the upload in addresses.")
    name: str
    size_bytes: int
    received_bytes: int = Field(description="The next part starts at this byte.")
    is_complete: bool
    part_bytes: int = Field(
        service.PART_BYTES, description="Most bytes that a part may have."
    )


@router.post("/uploads", response={201: UploadOut}, auth=needs(Scope.SAMPLES))
def begin_upload(request: HttpRequest, payload: UploadIn) -> Status[UploadOut]:
    """Announce a file, or find the unfinished upload of it to go on with."""
    begun = service.begin(
        owner=user_of(request), now=timezone.now(), **payload.model_dump()
    )
    return Status(201, UploadOut.from_orm(begun))


@router.get("/uploads/{token}", response=UploadOut, auth=needs(Scope.SAMPLES))
def read_upload(request: HttpRequest, token: Token) -> Upload:
    """Say how much of a file has arrived."""
    return access.upload(user_of(request), token)


@router.put(
    "/uploads/{token}",
    response=UploadOut,
    auth=needs(Scope.SAMPLES),
    openapi_extra=PART,
)
def put_part(
    request: HttpRequest,
    token: Token,
    offset: Annotated[
        int, Query(ge=0, le=MAX_BYTES, description="Where in the file it starts.")
    ],
    sha256: Annotated[
        str, Query(pattern="^([0-9a-f]{64})?$", description="Of the part, to check it.")
    ] = "",
) -> Upload:
    """Send the next part of a file; the same part again changes nothing."""
    found = access.upload(user_of(request), token)
    return service.receive(
        upload=found,
        offset=offset,
        data=request.read(service.PART_BYTES + 1),
        sha256=sha256,
        now=timezone.now(),
    )


@router.delete("/uploads/{token}", response={204: None}, auth=needs(Scope.SAMPLES))
def discard_upload(request: HttpRequest, token: Token) -> Status[None]:
    """Give up an upload that nothing has taken over."""
    service.discard_one(access.upload(user_of(request), token))
    return Status(204, None)
