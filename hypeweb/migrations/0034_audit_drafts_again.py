"""Drafts with a qualification or attention checks are audited again, those included."""

from django.db import migrations


def forget_audits(apps, schema_editor):
    apps.get_model("hypeweb", "LeakAudit").objects.filter(
        study__state="draft", study__materials__isnull=False
    ).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0033_leak_contrasts'),
    ]

    operations = [
        migrations.RunPython(forget_audits, migrations.RunPython.noop, elidable=True),
    ]
