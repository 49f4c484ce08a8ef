"""No study asks for more masks than are made: with more it could show no trial."""

from django.db import migrations


def lower(apps, schema_editor):
    apps.get_model("hypeweb", "Study").objects.filter(n_masks__gt=24).update(n_masks=24)


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0021_qualification'),
    ]

    operations = [
        migrations.RunPython(lower, migrations.RunPython.noop),
    ]
