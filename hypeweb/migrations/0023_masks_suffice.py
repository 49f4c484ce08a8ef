"""A study asks for no more masks than are made."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0022_masks_of_drafts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='study',
            name='n_masks',
            field=models.PositiveIntegerField(default=4, validators=[django.core.validators.MaxValueValidator(24)], verbose_name='masks after each image'),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('n_masks__lte', 24)), name='study_masks_suffice'),
        ),
    ]
