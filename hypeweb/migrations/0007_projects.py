"""Projects and their members; sets and studies may be in one."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

PERSON = settings.AUTH_USER_MODEL


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0006_leak_audit'),
        migrations.swappable_dependency(PERSON),
    ]

    operations = [
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('personal_of', models.OneToOneField(blank=True, editable=False, help_text='whose own project it is, where new things go by default', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='personal_project', to=PERSON)),
            ],
            options={'ordering': ['name', 'pk']},
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'owner'), ('editor', 'editor'), ('viewer', 'viewer')], max_length=6)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='hypeweb.project')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to=PERSON)),
            ],
            options={
                'ordering': ['created_at', 'pk'],
                'constraints': [
                    models.UniqueConstraint(fields=('project', 'user'), name='membership_once_per_person'),
                    models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'editor', 'viewer'])), name='membership_role_known'),
                ],
            },
        ),
        migrations.AddField(
            model_name='sampleset',
            name='project',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sample_sets', to='hypeweb.project'),
        ),
        migrations.AddField(
            model_name='study',
            name='project',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='studies', to='hypeweb.project'),
        ),
    ]
