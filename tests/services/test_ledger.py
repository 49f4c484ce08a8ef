import csv
import io

import pytest

from hypeweb.models import Account, AuditEvent, Budget, Payment
from hypeweb.services import ledger, payments, settlements, spending
from hypeweb.services.errors import ConflictError, DomainError
from tests import factories
from tests.factories import NOW, join, walk


@pytest.fixture
def paid(researcher):
    return factories.open_study(
        researcher,
        protocol="hype_inf",
        pay_base="1.00",
        pay_per_correct="0.02",
        budget="500",
    )


@pytest.fixture
def settled(paid):
    for answers in ("r", "w", "rw"):
        settlements.settle(walk(join(paid), answers).pk, now=NOW)
    return paid


def rows_of(study):
    return list(csv.DictReader(io.StringIO("".join(ledger.manual_rows(study)))))


def file_of(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, ledger.MANUAL_COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_lines_add_up_by_pool_and_state(settled):
    (line,) = ledger.lines_of(settled)

    assert (line.pool, line.state, line.n_payments) == ("Open link", "owed", 5)
    assert line.cents == 312


def test_dry_run_says_what_a_limit_holds_back_and_sends_nothing(settled):
    Budget.objects.update(hard_cents=250)

    run = ledger.dry_run(settled)

    assert (run.n_payments, run.cents, run.n_held) == (4, 212, 1)
    assert run.n_unapproved == 5
    assert Budget.objects.get().committed_cents == 0


def test_payments_by_hand_come_back_confirmed_once(settled, researcher):
    rows = [{**row, "paid": "yes"} for row in rows_of(settled)]
    text = file_of(rows)

    first = ledger.confirm_manual(study=settled, text=text, actor=researcher, now=NOW)
    again = ledger.confirm_manual(study=settled, text=text, actor=researcher, now=NOW)

    assert (first.n_confirmed, first.n_known, first.problems) == (5, 0, ())
    assert (again.n_confirmed, again.n_known) == (0, 5)
    assert Budget.objects.get().committed_cents == 312
    assert rows_of(settled) == []


def test_a_file_with_wrong_lines_confirms_the_right_ones(settled, researcher):
    rows = rows_of(settled)
    rows[0]["paid"] = "no"
    rows[1] |= {"paid": "yes", "amount": "99.00"}
    rows[2] |= {"paid": "yes", "reference": "nonsense"}
    rows[3]["paid"] = rows[4]["paid"] = "yes"
    rows.append(dict(rows[4]))

    done = ledger.confirm_manual(
        study=settled, text=file_of(rows), actor=researcher, now=NOW
    )

    assert (done.n_confirmed, done.n_known) == (2, 1)
    assert [problem.partition(": ")[2] for problem in done.problems] == [
        f"the file says 99.00, and {rows_of(settled)[1]['amount']} are owed.",
        "no payment by hand of this study has this reference.",
    ]


def test_a_payment_by_hand_above_the_limit_is_a_problem(settled, researcher):
    Budget.objects.update(hard_cents=100)
    rows = [{**row, "paid": "x"} for row in rows_of(settled)]

    done = ledger.confirm_manual(
        study=settled, text=file_of(rows), actor=researcher, now=NOW
    )

    assert done.n_confirmed == 1
    assert all("hard spend limit" in problem for problem in done.problems)
    assert Budget.objects.get().committed_cents <= 100


def test_a_file_without_its_columns_is_refused(settled, researcher):
    with pytest.raises(DomainError, match=r"needs the columns .* it has a, b"):
        ledger.confirm_manual(
            study=settled, text="a,b\n1,2\n", actor=researcher, now=NOW
        )


def test_a_file_that_is_no_csv_is_refused(settled, researcher):
    text = 'reference,paid\n"' + "x" * 200_000
    with pytest.raises(DomainError, match="is no CSV"):
        ledger.confirm_manual(study=settled, text=text, actor=researcher, now=NOW)


def test_a_file_of_an_old_spreadsheet_comes_back(settled, researcher):
    text = file_of([{**row, "paid": "yes"} for row in rows_of(settled)])
    old = text.replace("\r\n", "\r").replace("\n", "\r")

    done = ledger.confirm_manual(study=settled, text=old, actor=researcher, now=NOW)

    assert (done.n_confirmed, done.problems) == (5, ())


def test_limits_are_never_below_what_is_spent(settled, researcher):
    payments.record_manual(payment=Payment.objects.first(), now=NOW)
    budget = Budget.objects.get()

    with pytest.raises(ConflictError, match=r"below the 1\.00"):
        ledger.set_limits(
            limit=budget, soft_cents=None, hard_cents=99, actor=researcher
        )
    with pytest.raises(DomainError, match="must not be above"):
        ledger.set_limits(limit=budget, soft_cents=9, hard_cents=8, actor=researcher)
    ledger.set_limits(limit=budget, soft_cents=50, hard_cents=100, actor=researcher)

    budget.refresh_from_db()
    assert budget.is_above_soft_limit
    assert budget.left_cents == 0
    assert AuditEvent.objects.filter(action="changed limits").count() == 1


def test_raising_an_accounts_limit_lets_what_waits_be_tried_at_once(
    settled, researcher
):
    Payment.objects.update(next_attempt_at=NOW, approved_at=NOW)
    account = Account.objects.get(service="manual")

    ledger.set_limits(limit=account, soft_cents=None, hard_cents=500, actor=researcher)

    assert set(Payment.objects.values_list("next_attempt_at", flat=True)) == {None}


def test_the_single_payments_ask_as_much_for_one_as_for_three(
    settled, django_assert_num_queries
):
    Payment.objects.filter(pk=Payment.objects.first().pk).update(error="look here")
    with django_assert_num_queries(1):
        found = list(ledger.payments_of(settled))
        assert found[0].error == "look here"
        assert [one.session.pool.name for one in found] == ["Open link"] * 5


@pytest.mark.parametrize(("delimiter", "point"), [(",", "."), (";", ",")])
def test_a_file_that_a_spreadsheet_saved_comes_back(
    settled, researcher, delimiter, point
):
    text = io.StringIO()
    writer = csv.DictWriter(text, ledger.MANUAL_COLUMNS, delimiter=delimiter)
    writer.writeheader()
    for row in rows_of(settled):
        amount = row["amount"].rstrip("0").rstrip(".").replace(".", point)
        writer.writerow({**row, "amount": amount, "paid": "yes"})

    done = ledger.confirm_manual(
        study=settled, text=text.getvalue(), actor=researcher, now=NOW
    )

    assert (done.n_confirmed, done.problems) == (5, ())


def test_looking_at_a_drafts_payments_sets_no_limit_for_later(researcher, settings):
    study = factories.draft_study(
        researcher, protocol="hype_inf", folder=settings.DATA_DIR
    )
    seen = spending.open_budget(study)
    assert (seen.hard_cents, seen.pk) == (None, None)
    with pytest.raises(ConflictError, match="is a draft"):
        ledger.set_limits(
            limit=seen, soft_cents=None, hard_cents=None, actor=researcher
        )
    with pytest.raises(ConflictError, match="is a draft"):
        ledger.set_automatic(budget=seen, is_automatic=True, actor=researcher)

    study.budget, study.state = 7, study.State.OPEN

    assert spending.open_budget(study).hard_cents == 700
