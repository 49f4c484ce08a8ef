"""What scripts come with: access tokens, and the replies they were given."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class AccessToken(models.Model):
    """A secret with which a script acts for a person; only its hash is kept."""

    class Scope(models.TextChoices):
        READ = "read", "read sample sets, studies, scores, evaluations and reports"
        EXPORT = "export", "download judgments and trials"
        SAMPLES = "write:samples", "upload files and add sample sets"
        STUDIES = "write:studies", "make, open and close studies"
        EVALUATIONS = "write:evaluations", "start and retry evaluations"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens"
    )
    name = models.CharField(max_length=60, help_text="what will use it")
    digest = models.CharField(
        max_length=64, unique=True, editable=False, help_text="SHA-256 of the secret"
    )
    start = models.CharField(
        max_length=12, editable=False, help_text="of the secret, to know it again by"
    )
    scopes = models.JSONField(help_text="names of what it allows")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="access_token_expires_after_creation",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def is_valid(self, *, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    @property
    def scope_labels(self) -> list[str]:
        return [self.Scope(scope).label for scope in self.scopes]


class StoredReply(models.Model):
    """The reply to a request that carried an idempotency key, to give it again."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(
        max_length=64, help_text="SHA-256 of the request's method, address and body"
    )
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["created_at"], name="stored_reply_created")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "key"], name="stored_reply_key_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"reply to {self.key}"
