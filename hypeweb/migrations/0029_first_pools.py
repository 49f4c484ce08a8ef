"""A study's one link becomes its first pool, through which everybody came so far."""

from django.db import migrations


def make_first_pools(apps, schema_editor):
    Study, Pool, Session = (
        apps.get_model("hypeweb", name) for name in ("Study", "Pool", "Session")
    )
    for study in Study.objects.all():
        pool = Pool.objects.create(study=study, token=study.invitation_token)
        sessions = Session.objects.filter(study=study)
        sessions.exclude(population="preview").update(pool=pool)


class Migration(migrations.Migration):
    dependencies = [("hypeweb", "0028_pools")]

    operations = [migrations.RunPython(make_first_pools, migrations.RunPython.noop)]
