"""Projects: which there are to add sample sets to."""

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.pagination import paginate

from hypeweb import access
from hypeweb.models import Project
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import Paged

router = Router()


class ProjectOut(Schema):
    """What people work on together."""

    id: int = Field(description="Its number.")
    name: str


@router.get("/projects", response=list[ProjectOut], auth=needs(Scope.READ))
@paginate(Paged)
def list_projects(request: HttpRequest) -> QuerySet[Project]:
    """List the projects that the token's owner is a member of."""
    return access.projects_of(user_of(request))
