"""No place can be left for who need not qualify, too."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0023_masks_suffice'),
    ]

    operations = [
        migrations.AlterField(
            model_name='session',
            name='state',
            field=models.CharField(choices=[('consented', 'before a part'), ('running', 'running'), ('finished', 'finished'), ('left', 'left early'), ('screened_out', 'did not qualify'), ('no_place', 'no place was left')], default='consented', max_length=12),
        ),
    ]
