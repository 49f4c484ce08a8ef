"""Rules on quality, fixed before opening, and scores with and without them."""

import django.core.validators
import hypeweb.models.study_settings
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0025_few_valid'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='agreement',
            name='agreement_unique',
        ),
        migrations.RemoveConstraint(
            model_name='score',
            name='score_unique',
        ),
        migrations.RemoveConstraint(
            model_name='studycomparison',
            name='study_comparison_unique',
        ),
        migrations.AddField(
            model_name='agreement',
            name='exclusions',
            field=models.CharField(choices=[('none', 'everyone'), ('applied', "without the sessions that the study's rules leave out")], default='none', max_length=7),
        ),
        migrations.AddField(
            model_name='score',
            name='exclusions',
            field=models.CharField(choices=[('none', 'everyone'), ('applied', "without the sessions that the study's rules leave out")], default='none', max_length=7),
        ),
        migrations.AddField(
            model_name='session',
            name='quality_flags',
            field=models.JSONField(blank=True, help_text='rules of the study that the judgments break; none before they were scored', null=True),
        ),
        migrations.AddField(
            model_name='study',
            name='chance_percent',
            field=models.PositiveIntegerField(default=5, validators=[django.core.validators.MaxValueValidator(100)], verbose_name='level of the test against chance, %'),
        ),
        migrations.AddField(
            model_name='study',
            name='exclusions',
            field=models.JSONField(blank=True, default=hypeweb.models.study_settings.default_exclusions, verbose_name='sessions left out'),
        ),
        migrations.AddField(
            model_name='study',
            name='fast_ms',
            field=models.PositiveIntegerField(default=150, validators=[django.core.validators.MinValueValidator(1)], verbose_name='an answer is too quick below, ms'),
        ),
        migrations.AddField(
            model_name='study',
            name='fast_percent',
            field=models.PositiveIntegerField(default=10, validators=[django.core.validators.MaxValueValidator(100)], verbose_name='too quick answers allowed, %'),
        ),
        migrations.AddField(
            model_name='study',
            name='gold_pass_percent',
            field=models.PositiveIntegerField(default=75, validators=[django.core.validators.MaxValueValidator(100)], verbose_name='attention checks to recognise, %'),
        ),
        migrations.AddField(
            model_name='study',
            name='gold_percent',
            field=models.PositiveIntegerField(default=0, help_text='Images that are easy to tell, mixed in and never scored.', validators=[django.core.validators.MaxValueValidator(50)], verbose_name='attention checks, % of the images'),
        ),
        migrations.AddField(
            model_name='study',
            name='largest_criterion',
            field=models.FloatField(default=1.0, validators=[django.core.validators.MinValueValidator(0.01)], verbose_name='largest criterion, standard deviations'),
        ),
        migrations.AddField(
            model_name='study',
            name='limit_percent',
            field=models.PositiveIntegerField(default=50, validators=[django.core.validators.MaxValueValidator(100)], verbose_name='trials at a limit of the staircase allowed, %'),
        ),
        migrations.AddField(
            model_name='study',
            name='longest_run',
            field=models.PositiveIntegerField(default=25, validators=[django.core.validators.MinValueValidator(2)], verbose_name='equal answers in a row that are too many'),
        ),
        migrations.AddField(
            model_name='studycomparison',
            name='exclusions',
            field=models.CharField(choices=[('none', 'everyone'), ('applied', "without the sessions that the study's rules leave out")], default='none', max_length=7),
        ),
        migrations.AlterField(
            model_name='study',
            name='countdown_ms',
            field=models.PositiveIntegerField(default=500, verbose_name='each digit of the countdown, ms'),
        ),
        migrations.AlterField(
            model_name='study',
            name='mask_ms',
            field=models.PositiveIntegerField(default=30, verbose_name='each mask, ms'),
        ),
        migrations.AlterField(
            model_name='study',
            name='max_ms',
            field=models.PositiveIntegerField(default=1000, validators=[django.core.validators.MinValueValidator(1)], verbose_name='longest exposure, ms'),
        ),
        migrations.AlterField(
            model_name='study',
            name='min_ms',
            field=models.PositiveIntegerField(default=100, validators=[django.core.validators.MinValueValidator(1)], verbose_name='shortest exposure, ms'),
        ),
        migrations.AlterField(
            model_name='study',
            name='n_correct_to_descend',
            field=models.PositiveIntegerField(default=3, validators=[django.core.validators.MinValueValidator(1)], verbose_name='correct in a row for a shorter one'),
        ),
        migrations.AlterField(
            model_name='study',
            name='n_wrong_to_ascend',
            field=models.PositiveIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='wrong in a row for a longer one'),
        ),
        migrations.AlterField(
            model_name='study',
            name='start_ms',
            field=models.PositiveIntegerField(default=500, validators=[django.core.validators.MinValueValidator(1)], verbose_name='first exposure of a block, ms'),
        ),
        migrations.AlterField(
            model_name='study',
            name='step_down_ms',
            field=models.PositiveIntegerField(default=30, validators=[django.core.validators.MinValueValidator(1)], verbose_name='step to shorter, ms'),
        ),
        migrations.AlterField(
            model_name='study',
            name='step_up_ms',
            field=models.PositiveIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1)], verbose_name='step to longer, ms'),
        ),
        migrations.AddConstraint(
            model_name='agreement',
            constraint=models.UniqueConstraint(fields=('study', 'population', 'exclusions'), name='agreement_unique'),
        ),
        migrations.AddConstraint(
            model_name='score',
            constraint=models.UniqueConstraint(fields=('arm', 'population', 'exclusions', 'kind'), name='score_unique'),
        ),
        migrations.AddConstraint(
            model_name='score',
            constraint=models.CheckConstraint(condition=models.Q(('exclusions__in', ['none', 'applied'])), name='score_exclusions_known'),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('chance_percent__lte', 100), ('fast_ms__gt', 0), ('fast_percent__lte', 100), ('gold_pass_percent__lte', 100), ('gold_percent__lte', 50), ('largest_criterion__gt', 0), ('limit_percent__lte', 100), ('longest_run__gt', 1)), name='study_quality_rules_possible'),
        ),
        migrations.AddConstraint(
            model_name='studycomparison',
            constraint=models.UniqueConstraint(fields=('study', 'population', 'exclusions'), name='study_comparison_unique'),
        ),
    ]
