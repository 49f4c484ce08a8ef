from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hypeweb", "0040_arms_of_trials")]

    operations = [
        migrations.RemoveConstraint(
            model_name="trial",
            name="trial_purpose_fits_its_part",
        ),
        migrations.AddConstraint(
            model_name="trial",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("arm__isnull", True),
                        ("block", 0),
                        ("purpose", "qualification"),
                        ("qualification__isnull", False),
                    ),
                    models.Q(
                        ("arm__isnull", False),
                        ("block__gt", 0),
                        ("purpose__in", ["score", "gold"]),
                        ("qualification__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="trial_purpose_fits_its_part",
            ),
        ),
    ]
