"""A session may end with too few exposures to be scored, and a study says how few."""

import django.core.validators
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0024_no_place_for_anybody'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='session',
            name='session_ended_has_date',
        ),
        migrations.AddField(
            model_name='study',
            name='min_valid_percent',
            field=models.PositiveIntegerField(default=50, help_text='A session with fewer in one of its blocks is kept and not scored.', validators=[django.core.validators.MaxValueValidator(100)], verbose_name='exposures of a block that must succeed, %'),
        ),
        migrations.AlterField(
            model_name='session',
            name='state',
            field=models.CharField(choices=[('consented', 'before a part'), ('running', 'running'), ('finished', 'finished'), ('left', 'left early'), ('screened_out', 'did not qualify'), ('no_place', 'no place was left'), ('few_valid', 'too few exposures succeeded')], default='consented', max_length=12),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('state__in', ['finished', 'left', 'screened_out', 'no_place', 'few_valid'])), models.Q(('finished_at__isnull', True), ('state__in', ['consented', 'running'])), _connector='OR'), name='session_ended_has_date'),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('min_valid_percent__lte', 100)), name='study_valid_possible'),
        ),
    ]
