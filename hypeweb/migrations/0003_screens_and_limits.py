"""What a study asks of screens and time, and who a browser is."""

import secrets

import django.core.validators
import django.utils.timezone
from django.db import migrations, models


def give_tokens(apps, schema_editor):
    """Give every evaluator from before a token of their own."""
    Evaluator = apps.get_model("hypeweb", "Evaluator")
    for evaluator in Evaluator.objects.filter(token__isnull=True):
        evaluator.token = secrets.token_urlsafe(24)
        evaluator.save(update_fields=["token"])


POOLS = [
    ("link", "open link"),
    ("simulated", "simulated"),
    ("preview", "researcher's preview"),
]
POPULATIONS = [
    ("people", "people"),
    ("simulated", "simulated"),
    ("preview", "preview"),
]


class Migration(migrations.Migration):
    dependencies = [("hypeweb", "0002_exposures")]

    operations = [
        migrations.AddField(
            "study",
            "min_width_px",
            models.PositiveIntegerField("smallest window width, px", default=600),
        ),
        migrations.AddField(
            "study",
            "min_height_px",
            models.PositiveIntegerField("smallest window height, px", default=500),
        ),
        migrations.AddField(
            "study",
            "min_refresh_hz",
            models.PositiveIntegerField("slowest refresh rate, Hz", default=50),
        ),
        migrations.AddField(
            "study",
            "needs_keyboard",
            models.BooleanField("ask for a keyboard", default=True),
        ),
        migrations.AddField(
            "study",
            "idle_limit_min",
            models.PositiveIntegerField(
                "longest pause, minutes",
                default=60,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            "study",
            "duration_limit_min",
            models.PositiveIntegerField(
                "longest session, minutes",
                default=240,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            "evaluator", "token", models.CharField(max_length=43, null=True)
        ),
        migrations.RunPython(give_tokens, migrations.RunPython.noop),
        migrations.AlterField(
            "evaluator",
            "token",
            models.CharField(
                editable=False,
                help_text="kept by the browser",
                max_length=43,
                unique=True,
            ),
        ),
        migrations.AlterField(
            "evaluator", "pool", models.CharField(choices=POOLS, max_length=9)
        ),
        migrations.AlterField(
            "session",
            "population",
            models.CharField(choices=POPULATIONS, max_length=9),
        ),
        migrations.AlterField(
            "score",
            "population",
            models.CharField(choices=POPULATIONS, max_length=9),
        ),
        migrations.AddField(
            "session",
            "last_seen_at",
            models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="of the latest answer or start",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "session",
            "screen",
            models.JSONField(
                blank=True, help_text="what the screen check measured", null=True
            ),
        ),
    ]
