"""A leak audit looks at more than arms: at the qualification and attention checks."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hypeweb', '0032_report_versions'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='armaudit', name='arm_audit_unique'),
        migrations.RemoveConstraint(model_name='traceaudit', name='trace_audit_position_unique'),
        migrations.RenameModel(old_name='ArmAudit', new_name='LeakContrast'),
        migrations.RenameField(model_name='leakcontrast', old_name='n_real', new_name='n_first'),
        migrations.RenameField(model_name='leakcontrast', old_name='n_generated', new_name='n_second'),
        migrations.RenameField(model_name='traceaudit', old_name='arm_audit', new_name='contrast'),
        migrations.RenameField(model_name='traceaudit', old_name='real_counts', new_name='first_counts'),
        migrations.RenameField(model_name='traceaudit', old_name='generated_counts', new_name='second_counts'),
        migrations.AlterModelOptions(name='leakcontrast', options={'ordering': ['pk']}),
        migrations.AddField(
            model_name='leakcontrast',
            name='kind',
            field=models.CharField(choices=[('arm', "an arm's images and the real ones"), ('qualification', 'the two kinds of a qualification'), ('gold', 'the two kinds of attention checks'), ('mixed', 'the scored images and the attention checks among them')], default='arm', max_length=13),
        ),
        migrations.AlterField(
            model_name='leakcontrast',
            name='audit',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contrasts', to='hypeweb.leakaudit'),
        ),
        migrations.AlterField(
            model_name='leakcontrast',
            name='arm',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='hypeweb.arm'),
        ),
        migrations.AlterField(
            model_name='leakcontrast',
            name='n_first',
            field=models.PositiveIntegerField(help_text='real ones, or scored ones'),
        ),
        migrations.AlterField(
            model_name='leakcontrast',
            name='n_second',
            field=models.PositiveIntegerField(help_text='generated, or attention checks'),
        ),
        migrations.AddConstraint(
            model_name='leakcontrast',
            constraint=models.UniqueConstraint(fields=('audit', 'arm'), name='leak_contrast_arm_unique'),
        ),
        migrations.AddConstraint(
            model_name='leakcontrast',
            constraint=models.UniqueConstraint(condition=models.Q(('arm__isnull', True)), fields=('audit', 'kind'), name='leak_contrast_kind_unique'),
        ),
        migrations.AddConstraint(
            model_name='leakcontrast',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('arm__isnull', False), ('kind', 'arm')), models.Q(('arm__isnull', True), ('kind__in', ['qualification', 'gold', 'mixed'])), _connector='OR'), name='leak_contrast_arm_fits_its_kind'),
        ),
        migrations.AddConstraint(
            model_name='traceaudit',
            constraint=models.UniqueConstraint(fields=('contrast', 'position'), name='trace_audit_position_unique'),
        ),
    ]
