"""What an import found, and the licence of a set."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0015_uploads'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SetOverlap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n_shared', models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='SourceCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('facet', models.CharField(choices=[('format', 'format'), ('size', 'size'), ('skipped', 'skipped')], max_length=7)),
                ('position', models.PositiveIntegerField()),
                ('value', models.CharField(max_length=255)),
                ('n', models.PositiveIntegerField()),
            ],
            options={
                'ordering': ['facet', 'position'],
            },
        ),
        migrations.AddField(
            model_name='sampleset',
            name='licence',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name='sampleset',
            name='n_duplicates',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='skippedfile',
            name='detail',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddIndex(
            model_name='sample',
            index=models.Index(fields=['content_hash', 'sample_set'], name='sample_content_hash'),
        ),
        migrations.AddIndex(
            model_name='sample',
            index=models.Index(fields=['sample_set', 'content_hash'], name='sample_set_content_hash'),
        ),
        migrations.AddField(
            model_name='setoverlap',
            name='other',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='overlapped_by', to='hypeweb.sampleset'),
        ),
        migrations.AddField(
            model_name='setoverlap',
            name='sample_set',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='overlaps', to='hypeweb.sampleset'),
        ),
        migrations.AddField(
            model_name='sourcecount',
            name='sample_set',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='source_counts', to='hypeweb.sampleset'),
        ),
        migrations.AddConstraint(
            model_name='setoverlap',
            constraint=models.UniqueConstraint(fields=('sample_set', 'other'), name='set_overlap_unique'),
        ),
        migrations.AddConstraint(
            model_name='setoverlap',
            constraint=models.CheckConstraint(condition=models.Q(('sample_set', models.F('other')), _negated=True), name='set_overlap_of_two'),
        ),
        migrations.AddConstraint(
            model_name='sourcecount',
            constraint=models.UniqueConstraint(fields=('sample_set', 'facet', 'value'), name='source_count_unique'),
        ),
    ]
