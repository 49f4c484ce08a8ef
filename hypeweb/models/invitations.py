"""Personal invitations by e-mail."""

from django.db import models
from django.db.models import Q

from hypeweb.models.pools import Pool
from hypeweb.models.sessions import Evaluator


class Invitation(models.Model):
    """One person's own link to a pool; the address is encrypted, and found by a hash.

    What cannot be decrypted with the site's key any more can still be revoked.
    """

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="invitations")
    number = models.PositiveIntegerField(help_text="its line in the uploaded lists")
    address_hash = models.CharField(max_length=64, editable=False)
    address_encrypted = models.TextField(editable=False)
    speciality = models.CharField(
        max_length=80, blank=True, help_text="as the list states it; radiology, say"
    )
    token = models.CharField(max_length=43, unique=True, editable=False)
    evaluator = models.ForeignKey(
        Evaluator,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="invitations",
        help_text="once the link was used",
    )
    wants_sending = models.BooleanField(
        default=True, help_text="a mail is to go out: the first one, or a reminder"
    )
    n_sent = models.PositiveIntegerField(default=0, editable=False)
    n_attempts = models.PositiveIntegerField(
        default=0, editable=False, help_text="at the mail that is to go out"
    )
    next_attempt_at = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(
        null=True, editable=False, help_text="when the latest mail went out"
    )
    revoked_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["pool", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "address_hash"], name="invitation_once_per_address"
            ),
            models.UniqueConstraint(
                fields=["pool", "number"], name="invitation_number_unique"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | Q(wants_sending=False),
                name="invitation_revoked_is_not_sent",
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.number} to {self.pool}"
