"""Which client speaks to which service, and who pays through it."""

from functools import cache

from django.conf import settings

from hypeweb.models import Payment
from hypeweb.models.payments import Service
from hypeweb.services.errors import DomainError
from hypeweb.services.mturk import MTurkClient, MTurkPayer
from hypeweb.services.payers import Payer
from hypeweb.services.prolific import ProlificClient, ProlificPayer


def payer_of(payment: Payment) -> Payer:
    """Return who carries a payment out; one made by hand nobody does."""
    if payment.service == Service.PROLIFIC:
        return ProlificPayer(prolific())
    if payment.service in {Service.MTURK, Service.MTURK_SANDBOX}:
        return MTurkPayer(mturk(Service(payment.service)))
    raise DomainError(f"{payment} is paid by hand.")


def mturk(service: Service) -> MTurkClient:
    """Return the client of an account; boto3 finds its keys in the environment."""
    return _mturk(service, settings.MTURK_ENDPOINT_URL)


def prolific() -> ProlificClient:
    problem = problem_with(Service.PROLIFIC)
    if problem:
        raise DomainError(problem)
    return ProlificClient()


def problem_with(service: Service) -> str:
    """Return why a service can be asked nothing, as a sentence, or nothing."""
    if service == Service.PROLIFIC and not settings.PROLIFIC_TOKEN:
        return (
            "This site has no account at Prolific, so that nothing can be sent there "
            "or compared; ask its admin to set PROLIFIC_TOKEN."
        )
    return ""


@cache
def _mturk(service: Service, endpoint_url: str) -> MTurkClient:  # noqa: ARG001
    return MTurkClient(service)
