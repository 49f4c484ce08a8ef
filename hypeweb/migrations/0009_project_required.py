"""Each set and study is in a project, where its set's name is unique."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('hypeweb', '0008_personal_projects')]

    operations = [
        migrations.AlterField(
            model_name='sampleset',
            name='project',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='sample_sets', to='hypeweb.project'),
        ),
        migrations.AlterField(
            model_name='study',
            name='project',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='studies', to='hypeweb.project'),
        ),
        migrations.RemoveConstraint(model_name='sampleset', name='sample_set_name_unique_per_owner'),
        migrations.AddConstraint(
            model_name='sampleset',
            constraint=models.UniqueConstraint(fields=('project', 'name'), name='sample_set_name_unique_in_project'),
        ),
    ]
