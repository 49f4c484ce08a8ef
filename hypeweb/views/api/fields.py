"""What the requests and replies of several stages have in common."""

from typing import Annotated, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Path, Schema
from ninja.pagination import LimitOffsetPagination
from pydantic import StringConstraints

# What any database column of ours holds.
MAX_ID = 2**63 - 1
MAX_COUNT = 2**31 - 1
DEFAULT_LIMIT = 50
MAX_LIMIT = 200

# PostgreSQL stores no NUL.
NO_NUL = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\x00\s][^\x00]*$"

Text = Annotated[str, StringConstraints(pattern=NO_NUL, max_length=5000)]
Name = Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=120)]
Word = Annotated[str, StringConstraints(pattern=NO_NUL, max_length=120)]
RowId = Annotated[int, Field(ge=1, le=MAX_ID)]
PathId = Annotated[int, Path(ge=1, le=MAX_ID, description="Its number.")]
Slug = Annotated[
    str,
    Path(
        pattern=r"^[-a-zA-Z0-9_]+$",
        max_length=140,
        description="The study's short name in its address.",
    ),
]
Scored = Literal["people", "simulated"]


class Error(Schema):
    """Why a request was not carried out."""

    code: str = Field(description="One word for programs, such as not_found.")
    message: str = Field(
        description="A sentence for people: what was expected, what came, what to do."
    )


class Paged(LimitOffsetPagination):
    """Pages of a list, with a cap on their length."""

    class Input(Schema):
        """Which items of a list."""

        limit: int = Field(
            DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most items to return."
        )
        offset: int = Field(
            0, ge=0, le=MAX_COUNT, description="Items to leave out before them."
        )

    def paginate_queryset(
        self,
        queryset: QuerySet,  # type: ignore[type-arg]
        pagination: Input,  # type: ignore[override]
        request: HttpRequest,
        **params: object,
    ) -> dict[str, object]:
        start, end = pagination.offset, pagination.offset + pagination.limit
        return {
            "items": list(queryset[start:end]),
            "count": self._items_count(queryset),
        }
