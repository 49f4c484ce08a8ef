"""What is kept of the file each image came from."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0004_scores'),
    ]

    operations = [
        migrations.AddField(
            model_name='sample',
            name='source_bytes',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='sample',
            name='source_format',
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name='sample',
            name='source_height',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='sample',
            name='source_width',
            field=models.PositiveIntegerField(default=0),
        ),
    ]
