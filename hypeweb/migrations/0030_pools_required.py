"""Everybody but a preview comes through a pool, whose link is the only one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hypeweb", "0029_first_pools")]

    operations = [
        migrations.RemoveField("study", "invitation_token"),
        migrations.AddConstraint(
            "session",
            models.CheckConstraint(
                condition=models.Q(population="preview")
                | models.Q(pool__isnull=False),
                name="session_came_through_a_pool",
            ),
        ),
    ]
