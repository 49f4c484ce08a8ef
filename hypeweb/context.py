"""What every page's head shows of the projects its reader works in."""

from functools import partial

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from hypeweb import access

N_PROJECTS_IN_MENU = 20


def projects(request: HttpRequest) -> dict[str, object]:
    """Offer the current project and those to switch to; asked for only if shown."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "current_project": SimpleLazyObject(partial(access.current_project, request)),
        "menu_projects": access.own_projects(user)[:N_PROJECTS_IN_MENU],
    }
