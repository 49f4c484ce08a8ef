"""What an evaluator is called wherever outsiders read of one study."""

from django.utils.crypto import salted_hmac

from hypeweb.models import Study

PSEUDONYM_LENGTH = 16


def pseudonym(study: Study, evaluator_id: int) -> str:
    """Return an evaluator's name in the exports of one study, and of no other."""
    digest = salted_hmac(
        f"evaluators of study {study.pk}", str(evaluator_id), algorithm="sha256"
    ).hexdigest()
    # A letter in front, so that no program takes it for a number.
    return f"e{digest[:PSEUDONYM_LENGTH]}"
