"""POST requests with an Idempotency-Key are carried out once."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Schema
from ninja.responses import Status

from hypeweb.services import replies
from hypeweb.services.replies import Reply, Request
from hypeweb.views.api.auth import user_of

HEADER = "Idempotency-Key"

Operation = Callable[..., Any]


def idempotent(operation: Operation) -> Operation:
    """Let an operation give its stored reply to a request that came before."""

    @wraps(operation)
    def run(request: HttpRequest, *args: object, **kwargs: object) -> object:
        key = request.headers.get(HEADER)
        if request.method != "POST" or key is None:
            return operation(request, *args, **kwargs)
        reply = replies.once(
            user=user_of(request),
            key=key,
            request=Request(request.method, request.get_full_path(), request.body),
            act=lambda: _reply(operation(request, *args, **kwargs)),
            now=timezone.now(),
        )
        return JsonResponse(reply.body, status=reply.status, safe=False)

    return run


def _reply(result: Status[Schema]) -> Reply:
    return Reply(result.status_code, result.value.model_dump(mode="json"))
