"""An untimed study may limit how long an image is looked at."""

import django.core.validators
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0037_report_findings'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='study',
            name='time_limit_s',
            field=models.PositiveIntegerField(blank=True, help_text='Empty: as long as they like. After it the image disappears and the answer is asked for; one that comes more than 10 s later is kept, not scored, and repeated with another image.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(600)], verbose_name='time to look at each image, s'),
        ),
        migrations.AlterField(
            model_name='judgment',
            name='is_void',
            field=models.BooleanField(default=False, help_text='the exposure failed, or the answer came too late: kept, repeated, and left out of scores and staircase'),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('time_limit_s__isnull', True), models.Q(('time_limit_s__gt', 0), ('time_limit_s__lte', 600)), _connector='OR'), name='study_time_limit_possible'),
        ),
    ]
