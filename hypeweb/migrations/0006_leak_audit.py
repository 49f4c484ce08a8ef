"""The leak audit of a study."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0005_sample_sources'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LeakAudit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'waiting for a worker'), ('running', 'running'), ('done', 'done'), ('failed', 'failed')], default='queued', max_length=8)),
                ('stage', models.CharField(blank=True, max_length=80)),
                ('n_done', models.PositiveIntegerField(default=0)),
                ('n_total', models.PositiveIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('lease', models.UUIDField(editable=False, null=True)),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('n_attempts', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('verdict', models.CharField(blank=True, choices=[('clear', 'no leak'), ('leak', 'leak'), ('too_few', 'too few images')], max_length=7)),
                ('sentence', models.TextField(blank=True)),
                ('override_reason', models.TextField(blank=True)),
                ('overridden_at', models.DateTimeField(blank=True, null=True)),
                ('overridden_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('study', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='leak_audit', to='hypeweb.study')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ArmAudit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n_real', models.PositiveIntegerField()),
                ('n_generated', models.PositiveIntegerField()),
                ('is_leak', models.BooleanField()),
                ('auc', models.FloatField()),
                ('low', models.FloatField()),
                ('high', models.FloatField()),
                ('auc_with_hidden', models.FloatField(help_text='with what nobody can see on the site as well')),
                ('arm', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='hypeweb.arm')),
                ('audit', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='arms', to='hypeweb.leakaudit')),
            ],
            options={
                'ordering': ['arm__position'],
            },
        ),
        migrations.CreateModel(
            name='TraceAudit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('name', models.CharField(max_length=80)),
                ('is_visible', models.BooleanField(help_text='counts for the verdict')),
                ('auc', models.FloatField()),
                ('low', models.FloatField()),
                ('high', models.FloatField()),
                ('edges', models.JSONField(help_text="borders of the histogram's bins")),
                ('real_counts', models.JSONField()),
                ('generated_counts', models.JSONField()),
                ('arm_audit', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='traces', to='hypeweb.armaudit')),
            ],
            options={
                'ordering': ['position'],
            },
        ),
        migrations.AddConstraint(
            model_name='leakaudit',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lease__isnull', False), ('state', 'running')), models.Q(models.Q(('state', 'running'), _negated=True), ('lease__isnull', True)), _connector='OR'), name='leakaudit_lease_held_while_running'),
        ),
        migrations.AddConstraint(
            model_name='leakaudit',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), ('verdict__in', ['clear', 'leak', 'too_few']), _connector='OR'), name='leak_audit_done_has_verdict'),
        ),
        migrations.AddConstraint(
            model_name='leakaudit',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('overridden_at__isnull', True), ('override_reason', '')), models.Q(models.Q(('override_reason', ''), _negated=True), ('overridden_at__isnull', False)), _connector='OR'), name='leak_audit_override_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='armaudit',
            constraint=models.UniqueConstraint(fields=('audit', 'arm'), name='arm_audit_unique'),
        ),
        migrations.AddConstraint(
            model_name='traceaudit',
            constraint=models.UniqueConstraint(fields=('arm_audit', 'position'), name='trace_audit_position_unique'),
        ),
    ]
