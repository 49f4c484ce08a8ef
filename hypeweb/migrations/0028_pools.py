"""Pools of a study's evaluators; what an evaluator came by is their channel."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

CHANNELS = [
    ("link", "open link"),
    ("invitation", "personal invitation"),
    ("mturk", "Amazon Mechanical Turk"),
    ("prolific", "Prolific"),
    ("simulated", "simulated"),
    ("preview", "researcher's preview"),
]
KINDS = [
    ("link", "open link"),
    ("invitations", "personal invitations"),
    ("mturk", "Amazon Mechanical Turk"),
    ("mturk_sandbox", "Mechanical Turk sandbox"),
    ("prolific", "Prolific"),
]


class Migration(migrations.Migration):
    dependencies = [("hypeweb", "0027_nearest_real")]

    operations = [
        migrations.RemoveConstraint("evaluator", "evaluator_unique_in_pool"),
        migrations.RenameField("evaluator", "pool", "channel"),
        migrations.AlterField(
            "evaluator", "channel", models.CharField(choices=CHANNELS, max_length=10)
        ),
        migrations.AddConstraint(
            "evaluator",
            models.UniqueConstraint(
                condition=~models.Q(external_id_hash=""),
                fields=["channel", "external_id_hash"],
                name="evaluator_unique_in_channel",
            ),
        ),
        migrations.CreateModel(
            "Pool",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "kind",
                    models.CharField(choices=KINDS, default="link", max_length=13),
                ),
                ("name", models.CharField(default="Open link", max_length=120)),
                (
                    "group",
                    models.CharField(
                        choices=[("crowd", "crowd"), ("experts", "experts")],
                        default="crowd",
                        help_text="The report tells experts from the crowd.",
                        max_length=7,
                    ),
                ),
                (
                    "quota",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Usable sessions from this pool; empty is as many "
                        "as the study asks.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="at most",
                    ),
                ),
                (
                    "token",
                    models.CharField(
                        editable=False,
                        help_text="in the address through which its people join",
                        max_length=43,
                        unique=True,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("paused", "paused"),
                            ("closed", "closed"),
                        ],
                        default="open",
                        max_length=6,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pools",
                        to="hypeweb.study",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["study", "name"],
                        name="pool_name_unique",
                        violation_error_message="The study has a pool of this name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(quota__isnull=True) | models.Q(quota__gt=0),
                        name="pool_quota_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state__in=["open", "paused", "closed"]),
                        name="pool_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(group__in=["crowd", "experts"]),
                        name="pool_group_known",
                    ),
                ],
            },
        ),
        migrations.AddField(
            "session",
            "pool",
            models.ForeignKey(
                blank=True,
                help_text="through which the evaluator came; none in a preview",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sessions",
                to="hypeweb.pool",
            ),
        ),
    ]
