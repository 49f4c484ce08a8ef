"""What a user can do wrong: whole sentences with a next step."""


class DomainError(Exception):
    """A request that cannot be carried out; the message is for the user."""

    status = 400


class NotFoundError(DomainError):
    """Something that is not there, or not for this person."""

    status = 404


class ForbiddenError(DomainError):
    """Something this person may look at and not do."""

    status = 403


class ConflictError(DomainError):
    """Something that is no longer, or not yet, possible."""

    status = 409
