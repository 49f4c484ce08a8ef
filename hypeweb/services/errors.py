"""What a user can do wrong: whole sentences with a next step."""


class DomainError(Exception):
    """A request that cannot be carried out; the message is for the user."""

    status = 400
    code = "invalid"


class NotFoundError(DomainError):
    """Something that is not there, or not for this person."""

    status = 404
    code = "not_found"


class ForbiddenError(DomainError):
    """Something this person may look at and not do."""

    status = 403
    code = "forbidden"


class ConflictError(DomainError):
    """Something that is no longer, or not yet, possible."""

    status = 409
    code = "conflict"


class ChangedMeanwhileError(ConflictError):
    """Two edited one thing; the second has not seen what the first saved."""
