"""What evaluators write to the researcher, and whom a project lets in no more."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from hypeweb.models.projects import Project
from hypeweb.models.sessions import Evaluator, Session


class Appeal(models.Model):
    """A message of an evaluator about their session; the researcher may answer."""

    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="appeals"
    )
    message = models.TextField(max_length=2000)
    created_at = models.DateTimeField()
    reply = models.TextField(max_length=2000, blank=True)
    replied_at = models.DateTimeField(null=True)
    replied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(replied_at__isnull=True, reply="")
                | (Q(replied_at__isnull=False) & ~Q(reply="")),
                name="appeal_reply_has_date",
            ),
        ]

    def __str__(self) -> str:
        return f"appeal {self.pk} of session {self.session_id}"


class Block(models.Model):
    """One person whom the studies of a project do not take, until a day."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="blocks"
    )
    evaluator = models.ForeignKey(
        Evaluator, on_delete=models.CASCADE, related_name="blocks"
    )
    reason = models.CharField(max_length=300)
    until = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "evaluator"], name="block_once_per_evaluator"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="block_has_reason"),
        ]

    def __str__(self) -> str:
        return f"block of evaluator {self.evaluator_id} in {self.project}"
