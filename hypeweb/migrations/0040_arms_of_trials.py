"""Each trial of a task so far was of its session's one arm."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def name_arms(apps, schema_editor):
    Trial, Session = (apps.get_model("hypeweb", name) for name in ("Trial", "Session"))
    arm = Session.objects.filter(pk=OuterRef("session")).values("arm")
    tasks = Trial.objects.filter(arm=None).exclude(purpose="qualification")
    tasks.update(arm=Subquery(arm))


class Migration(migrations.Migration):
    dependencies = [("hypeweb", "0039_within_subjects")]

    operations = [migrations.RunPython(name_arms, migrations.RunPython.noop)]
