"""Count what each account spent in each currency, and what a place of a HIT costs."""

from math import ceil, floor

from django.conf import settings
from django.db import migrations
from django.db.models import F, Sum
from django.utils import timezone

MOVED = ["sent", "confirmed"]


def split_accounts(apps, schema_editor):
    """Keep an account's limits in the currency it paid most in; others have none."""
    account_model = apps.get_model("hypeweb", "Account")
    payment_model = apps.get_model("hypeweb", "Payment")
    for account in account_model.objects.all():
        payments = payment_model.objects.filter(service=account.service).order_by()
        currencies = set(payments.values_list("currency", flat=True).distinct())
        if not currencies:
            continue
        spent = dict.fromkeys(currencies, 0)
        moved = payments.filter(state__in=MOVED).values_list("currency")
        spent |= dict(moved.annotate(cents=Sum(F("amount_cents") + F("fee_cents"))))
        main = max(sorted(spent), key=lambda currency: spent[currency])
        account.currency, account.committed_cents = main, spent.pop(main)
        account.save()
        for currency, cents in spent.items():
            account_model.objects.create(
                service=account.service, currency=currency, committed_cents=cents
            )


def price_places(apps, schema_editor):
    """Store what a place costs; the next look at the service sets it aside."""
    posting_model = apps.get_model("hypeweb", "Posting")
    for posting in posting_model.objects.select_related("pool"):
        if posting.pool.kind == "prolific":
            fee = ceil(posting.reward_cents * settings.PROLIFIC_FEE_PERCENT / 100)
        else:
            fee = max(1, floor(posting.reward_cents / 5 + 0.5))
        posting.place_cents = posting.reward_cents + fee
        # What ended long ago was looked at to its end.
        age = timezone.now() - posting.created_at
        posting.is_settled = posting.state == "ended" and age.days > 40
        posting.save(update_fields=["place_cents", "is_settled"])


def mark_reinstated(apps, schema_editor):
    """A rejection that a service still shows, and that is none here, was taken back."""
    apps.get_model("hypeweb", "Enrolment").objects.filter(
        status="Rejected", rejection=""
    ).update(reinstated_at=F("status_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("hypeweb", "0047_promised_places"),
    ]

    operations = [
        migrations.RunPython(split_accounts, migrations.RunPython.noop),
        migrations.RunPython(price_places, migrations.RunPython.noop),
        migrations.RunPython(mark_reinstated, migrations.RunPython.noop),
    ]
