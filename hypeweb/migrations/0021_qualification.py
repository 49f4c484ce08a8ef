"""A qualification before the task, and what its images are for."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0020_access_tokens'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Material',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('use', models.CharField(choices=[('qualification', 'qualification'), ('gold', 'gold trials')], max_length=13)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='Qualification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempt', models.PositiveIntegerField(help_text='from 1, within the session')),
                ('material_hash', models.CharField(help_text='of the images, their numbers and the pass marks', max_length=64)),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('has_passed', models.BooleanField(null=True)),
            ],
            options={
                'ordering': ['session', 'attempt'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='session',
            name='session_ended_has_date',
        ),
        migrations.AddField(
            model_name='study',
            name='asks_qualification',
            field=models.BooleanField(default=False, verbose_name='ask for a qualification'),
        ),
        migrations.AddField(
            model_name='study',
            name='qualification_fakes_percent',
            field=models.PositiveIntegerField(default=65, validators=[django.core.validators.MaxValueValidator(100)], verbose_name='pass mark on generated images, %'),
        ),
        migrations.AddField(
            model_name='study',
            name='qualification_feedback',
            field=models.BooleanField(default=True, verbose_name='feedback after each answer of the qualification'),
        ),
        migrations.AddField(
            model_name='study',
            name='qualification_max_attempts',
            field=models.PositiveIntegerField(default=2, validators=[django.core.validators.MinValueValidator(1)], verbose_name='attempts'),
        ),
        migrations.AddField(
            model_name='study',
            name='qualification_n_fake',
            field=models.PositiveIntegerField(default=50, validators=[django.core.validators.MinValueValidator(1)], verbose_name='generated images'),
        ),
        migrations.AddField(
            model_name='study',
            name='qualification_n_real',
            field=models.PositiveIntegerField(default=50, validators=[django.core.validators.MinValueValidator(1)], verbose_name='real images'),
        ),
        migrations.AddField(
            model_name='study',
            name='qualification_reals_percent',
            field=models.PositiveIntegerField(default=65, validators=[django.core.validators.MaxValueValidator(100)], verbose_name='pass mark on real images, %'),
        ),
        migrations.AddField(
            model_name='study',
            name='qualification_valid_days',
            field=models.PositiveIntegerField(default=90, validators=[django.core.validators.MinValueValidator(1)], verbose_name='a pass holds for, days'),
        ),
        migrations.AddField(
            model_name='trial',
            name='purpose',
            field=models.CharField(choices=[('score', 'scored'), ('gold', 'attention check'), ('qualification', 'qualification')], default='score', help_text='only scored trials count; the evaluator never learns which', max_length=13),
        ),
        migrations.AlterField(
            model_name='session',
            name='arm',
            field=models.ForeignKey(blank=True, help_text='none before the evaluator has qualified', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='hypeweb.arm'),
        ),
        migrations.AlterField(
            model_name='session',
            name='started_at',
            field=models.DateTimeField(blank=True, help_text='of the latest part: qualification or task', null=True),
        ),
        migrations.AlterField(
            model_name='session',
            name='state',
            field=models.CharField(choices=[('consented', 'before a part'), ('running', 'running'), ('finished', 'finished'), ('left', 'left early'), ('screened_out', 'did not qualify'), ('no_place', 'qualified when no place was left')], default='consented', max_length=12),
        ),
        migrations.AlterField(
            model_name='trial',
            name='block',
            field=models.PositiveIntegerField(help_text='from 1; 0 in a qualification'),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('qualification_fakes_percent__lte', 100), ('qualification_max_attempts__gt', 0), ('qualification_n_fake__gt', 0), ('qualification_n_real__gt', 0), ('qualification_reals_percent__lte', 100), ('qualification_valid_days__gt', 0)), name='study_qualification_possible'),
        ),
        migrations.AddField(
            model_name='material',
            name='sample_set',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='materials', to='hypeweb.sampleset'),
        ),
        migrations.AddField(
            model_name='material',
            name='study',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='materials', to='hypeweb.study'),
        ),
        migrations.AddField(
            model_name='qualification',
            name='session',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='qualifications', to='hypeweb.session'),
        ),
        migrations.AddField(
            model_name='session',
            name='qualification',
            field=models.ForeignKey(blank=True, help_text='the pass that admits to the study, from here or from before', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='admitted_sessions', to='hypeweb.qualification'),
        ),
        migrations.AddField(
            model_name='trial',
            name='qualification',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='trials', to='hypeweb.qualification'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('state__in', ['finished', 'left', 'screened_out', 'no_place'])), models.Q(('finished_at__isnull', True), ('state__in', ['consented', 'running'])), _connector='OR'), name='session_ended_has_date'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'finished'), _negated=True), ('arm__isnull', False), _connector='OR'), name='session_finished_has_arm'),
        ),
        migrations.AddConstraint(
            model_name='trial',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('block', 0), ('purpose', 'qualification'), ('qualification__isnull', False)), models.Q(('block__gt', 0), ('purpose__in', ['score', 'gold']), ('qualification__isnull', True)), _connector='OR'), name='trial_purpose_fits_its_part'),
        ),
        migrations.AddConstraint(
            model_name='material',
            constraint=models.UniqueConstraint(fields=('study', 'sample_set', 'use'), name='material_unique'),
        ),
        migrations.AddConstraint(
            model_name='material',
            constraint=models.CheckConstraint(condition=models.Q(('use__in', ['qualification', 'gold'])), name='material_use_known'),
        ),
        migrations.AddConstraint(
            model_name='qualification',
            constraint=models.UniqueConstraint(fields=('session', 'attempt'), name='qualification_attempt_unique'),
        ),
        migrations.AddConstraint(
            model_name='qualification',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('has_passed__isnull', True)), models.Q(('finished_at__isnull', False), ('has_passed__isnull', False)), _connector='OR'), name='qualification_finished_has_result'),
        ),
    ]
