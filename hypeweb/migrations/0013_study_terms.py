"""Terms of pay, a count of changes, and the settings a study opened with."""

import django.core.validators
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0012_sweeps'),
    ]

    operations = [
        migrations.AddField(
            model_name='study',
            name='budget',
            field=models.DecimalField(blank=True, decimal_places=2, help_text='What the whole study may cost. Needed when it pays.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))]),
        ),
        migrations.AddField(
            model_name='study',
            name='currency',
            field=models.CharField(choices=[('USD', 'US dollar'), ('EUR', 'euro'), ('GBP', 'pound sterling'), ('CHF', 'Swiss franc')], default='USD', max_length=3),
        ),
        migrations.AddField(
            model_name='study',
            name='frozen_settings',
            field=models.JSONField(editable=False, help_text='the settings as they were at opening', null=True),
        ),
        migrations.AddField(
            model_name='study',
            name='pay_base',
            field=models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=8, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='for taking part'),
        ),
        migrations.AddField(
            model_name='study',
            name='pay_hourly_minimum',
            field=models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=8, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='an hour pays at least'),
        ),
        migrations.AddField(
            model_name='study',
            name='pay_per_correct',
            field=models.DecimalField(decimal_places=3, default=Decimal('0'), max_digits=8, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='for each correct answer'),
        ),
        migrations.AddField(
            model_name='study',
            name='revision',
            field=models.PositiveIntegerField(default=1, editable=False, help_text="counts the changes of a draft, so that no editor undoes another's"),
        ),
        migrations.AddField(
            model_name='study',
            name='settings_hash',
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('pay_base__gte', 0), ('pay_hourly_minimum__gte', 0), ('pay_per_correct__gte', 0)), name='study_pay_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('budget__isnull', True), ('budget__gte', 0), _connector='OR'), name='study_budget_not_negative'),
        ),
    ]
