"""Every owner of sets or studies gets a project of their own that holds them."""

from django.conf import settings
from django.db import migrations


def make_personal_projects(apps, schema_editor):
    User = apps.get_model(settings.AUTH_USER_MODEL)
    Project = apps.get_model('hypeweb', 'Project')
    Membership = apps.get_model('hypeweb', 'Membership')
    SampleSet = apps.get_model('hypeweb', 'SampleSet')
    Study = apps.get_model('hypeweb', 'Study')
    owners = {*SampleSet.objects.values_list('owner', flat=True), *Study.objects.values_list('owner', flat=True)}
    for user in User.objects.filter(pk__in=owners):
        project = Project.objects.create(name=f"{user.username}'s project"[:120], personal_of=user)
        Membership.objects.create(project=project, user=user, role='owner')
        SampleSet.objects.filter(owner=user).update(project=project)
        Study.objects.filter(owner=user).update(project=project)


class Migration(migrations.Migration):

    dependencies = [('hypeweb', '0007_projects')]

    operations = [
        migrations.RunPython(make_personal_projects, migrations.RunPython.noop),
    ]
