from datetime import timedelta

import pytest

from hypeweb import tasks
from hypeweb.models import (
    Budget,
    CompletionCode,
    Enrolment,
    Payment,
    Pool,
    Posting,
    Session,
    WorkerLabel,
)
from hypeweb.models.payments import Service
from hypeweb.services import (
    accounts,
    completion,
    decisions,
    payments,
    pools,
    reconciliations,
    recruiting,
    settlements,
    studies,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.recruiting import Arrival, Wish
from tests import factories
from tests.doubles.faults import Faults, Reply
from tests.doubles.mturk import RequestError
from tests.factories import NOW, walk

ENTRY = "https://hype.example/e/x/work/"
WHY = "Every answer was the same, and the attention checks were all missed. " * 2


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://hype.example"


@pytest.fixture
def paid(researcher):
    return factories.open_study(
        researcher,
        protocol="hype_inf",
        pay_base="1.00",
        pay_per_correct="0.02",
        budget="500",
    )


def pool_of(study, kind):
    return pools.add_pool(
        pool=Pool(study=study, kind=kind, name=kind), actor=study.owner
    )


def posted(pool, n_places=9):
    made = recruiting.request_posting(
        pool=pool, wish=Wish(n_places, minutes=10), actor=pool.study.owner, now=NOW
    )
    for posting in made:
        recruiting.post(posting.pk, entry_url=ENTRY)
    return list(Posting.objects.filter(pool=pool))


def arrive(pool, number=0, posting=None):
    arrival = Arrival(
        worker_id=f"AWORKER{number:05d}",
        submission_id=f"3ASSIGNMENT{number:04d}",
        posting_id=posting.external_id if posting else "",
    )
    session = recruiting.join(pool=pool, arrival=arrival, now=NOW)
    from hypeweb.services import sessions  # noqa: PLC0415

    sessions.start_session(session=session, now=NOW)
    session.refresh_from_db()
    return session


def test_twenty_places_become_hits_of_nine_at_most(paid, mturk):
    made = posted(pool_of(paid, "mturk"), 20)

    assert [posting.n_places for posting in made] == [9, 9, 2]
    assert [hit["MaxAssignments"] for hit in mturk.hits.values()] == [9, 9, 2]
    hit = next(iter(mturk.hits.values()))
    assert hit["Reward"] == "1.00"
    assert f"<ExternalURL>{ENTRY}</ExternalURL>" in hit["Question"]
    # No less time than a session may take here: what comes late is never paid.
    assert hit["AssignmentDurationInSeconds"] == (paid.duration_limit_min + 60) * 60
    asked = [
        (one["QualificationTypeId"], one["Comparator"])
        for one in hit["QualificationRequirements"]
    ]
    label = WorkerLabel.objects.get().external_id
    assert asked == [
        ("000000000000000000L0", "GreaterThanOrEqualTo"),
        ("00000000000000000040", "GreaterThanOrEqualTo"),
        (label, "DoesNotExist"),
    ]


def test_a_hit_whose_reply_was_lost_is_found_and_not_made_again(paid, mturk):
    (posting,) = recruiting.request_posting(
        pool=pool_of(paid, "mturk_sandbox"),
        wish=Wish(3, minutes=10),
        actor=paid.owner,
        now=NOW,
    )
    replies = iter(["lost_after"])
    mturk.faults.draw = lambda: next(replies, "")
    recruiting.post(posting.pk, entry_url=ENTRY)
    posting.refresh_from_db()
    assert posting.state == "requested"
    assert posting.error

    recruiting.post(posting.pk, entry_url=ENTRY)

    posting.refresh_from_db()
    assert (posting.state, posting.error) == ("open", "")
    assert list(mturk.hits) == [posting.external_id]


def test_extending_stays_below_ten_and_posts_the_rest(paid, mturk):
    (posting,) = posted(pool_of(paid, "mturk"), 7)

    made = recruiting.extend(posting=posting, n_more=5, actor=paid.owner, now=NOW)

    posting.refresh_from_db()
    assert posting.n_places == mturk.hits[posting.external_id]["MaxAssignments"] == 9
    assert [one.n_places for one in made] == [3]


def test_ending_a_hit_expires_it(paid, mturk):
    (posting,) = posted(pool_of(paid, "mturk"))

    recruiting.end(posting=posting, actor=paid.owner)

    posting.refresh_from_db()
    assert posting.state == "ended"
    assert mturk.hits[posting.external_id]["Expiration"] < NOW.timestamp()


def test_the_postings_of_a_closed_study_are_ended(paid, mturk):
    (posting,) = posted(pool_of(paid, "mturk"))
    assert recruiting.left_open() == []
    studies.close_study(study=paid, actor=paid.owner, now=NOW)

    for pk in recruiting.left_open():
        tasks.end_posting(pk)

    assert recruiting.left_open() == []
    assert mturk.hits[posting.external_id]["Expiration"] < NOW.timestamp()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pay_base": 0}, "clone the study with a base"),
        ({"currency": "EUR"}, "pays in US dollars"),
        ({"state": "paused"}, "Open the study first"),
    ],
)
def test_nothing_is_posted_that_cannot_be_paid(paid, change, said):
    pool = pool_of(paid, "mturk")
    for name, value in change.items():
        setattr(pool.study, name, value)
    with pytest.raises(DomainError, match=said):
        recruiting.request_posting(
            pool=pool, wish=Wish(3, minutes=10), actor=paid.owner, now=NOW
        )
    assert not Posting.objects.exists()


def test_a_worker_is_known_by_a_hash_and_joins_once(paid, mturk):
    pool = pool_of(paid, "mturk")
    first = arrive(pool)
    assert arrive(pool) == first
    mturk.submit("3ASSIGNMENT0000", worker_id="AWORKER00000")
    second = Arrival("AWORKER00000", "3OTHER", "")
    with pytest.raises(ConflictError, match="with another assignment"):
        recruiting.join(pool=pool, arrival=second, now=NOW)
    stranger = Arrival("ASOMEBODYELSE", "3ASSIGNMENT0000", "")
    with pytest.raises(ConflictError, match="belongs to somebody else"):
        recruiting.join(pool=pool, arrival=stranger, now=NOW)
    assert Session.objects.count() == Enrolment.objects.count() == 1
    assert "AWORKER" not in first.evaluator.external_id_hash


@pytest.mark.parametrize("kind", ["mturk", "prolific"])
def test_who_returns_an_assignment_and_takes_another_goes_on(
    paid, mturk, prolific, clock, kind
):
    pool = pool_of(paid, kind)
    (posting,) = posted(pool, 3)
    first = walk(arrive(pool, posting=posting))
    settlements.settle(first.pk, now=NOW)
    # Prolific refuses to pay a submission that was given back.
    Payment.objects.update(state="failed", error="It was returned.")
    prolific.submit("3ASSIGNMENT0000", participant="p", study_id=posting.external_id)
    prolific.submissions["3ASSIGNMENT0000"].status = "RETURNED"

    again = recruiting.join(
        pool=pool,
        arrival=Arrival("AWORKER00000", "3SECOND", posting.external_id),
        now=NOW,
    )

    assert again == first
    assert Enrolment.objects.get().external_id == "3SECOND"
    mturk.submit("3SECOND", worker_id="AWORKER00000", hit_id=posting.external_id)
    prolific.submit("3SECOND", participant="p", study_id=posting.external_id)
    Payment.objects.update(approved_at=NOW)
    base = Payment.objects.get(reason="base")
    payments.send_payment(base.pk, payer=accounts.payer_of(base), now=clock.now)
    base.refresh_from_db()
    assert base.state == "confirmed"
    third = Arrival("AWORKER00000", "3THIRD", posting.external_id)
    with pytest.raises(ConflictError, match="with another assignment"):
        recruiting.join(pool=pool, arrival=third, now=NOW)


def test_whether_an_assignment_was_returned_is_never_guessed(paid, mturk):
    pool = pool_of(paid, "mturk")
    arrive(pool)
    mturk.faults = Faults(busy=1.0)
    second = Arrival("AWORKER00000", "3SECOND", "")
    with pytest.raises(ConflictError, match="does not answer"):
        recruiting.join(pool=pool, arrival=second, now=NOW)
    assert Enrolment.objects.get().external_id == "3ASSIGNMENT0000"


def test_what_was_returned_for_good_is_owed_no_more(paid, mturk, clock):
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool, 1)
    session = walk(arrive(pool, posting=posting))
    settlements.settle(session.pk, now=NOW)
    Payment.objects.update(approved_at=NOW)
    mturk.accept("3ASSIGNMENT0000", hit_id=posting.external_id)

    def send_all():
        for payment in Payment.objects.all():
            payer = accounts.payer_of(payment)
            payments.send_payment(payment.pk, payer=payer, now=clock.now)
        return set(Payment.objects.values_list("state", flat=True))

    assert send_all() == {"owed"}
    recruiting.end(posting=posting, actor=None)
    recruiting.sync(posting.pk, now=NOW)
    assert send_all() == {"owed"}  # the worker may still submit

    mturk.return_("3ASSIGNMENT0000")
    recruiting.sync(posting.pk, now=NOW)

    assert send_all() == {"failed"}
    assert "has not submitted" in Payment.objects.first().error
    assert Budget.objects.get().committed_cents == 0


def test_an_assignment_that_amazon_gives_to_another_worker_is_theirs(
    paid, mturk, clock
):
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool, 3)
    first = walk(arrive(pool, posting=posting))
    settlements.settle(first.pk, now=NOW)
    # Returned at Amazon, which gives the same id to the next worker.
    arrival = Arrival("AWORKER00001", "3ASSIGNMENT0000", posting.external_id)
    assert recruiting.session_of(pool, arrival) is None

    second = recruiting.join(pool=pool, arrival=arrival, now=NOW)

    assert second != first
    assert Enrolment.objects.get().session == second
    assert recruiting.session_of(pool, arrival) == second
    mturk.submit("3ASSIGNMENT0000", worker_id="AWORKER00001")
    for payment in Payment.objects.all():
        payer = accounts.payer_of(payment)
        payments.send_payment(payment.pk, payer=payer, now=clock.now)
    assert mturk.approvals == mturk.bonuses == []
    back = Arrival("AWORKER00000", "3LATER", posting.external_id)
    assert recruiting.join(pool=pool, arrival=back, now=NOW) == first
    assert first.enrolment.external_id == "3LATER"


def test_a_preview_of_a_hit_is_nobody():
    shown = {"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE", "hitId": "3H"}
    assert recruiting.arrival_from_mturk(shown) is None
    with pytest.raises(DomainError, match="lacks workerId"):
        recruiting.arrival_from_mturk({"assignmentId": "3A", "hitId": "3H"})


def test_from_hit_to_reconciled_payment(paid, mturk, clock):
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool)
    session = walk(arrive(pool, posting=posting))
    settlements.settle(session.pk, now=NOW)
    code = completion.ending_of(session, now=NOW).code
    mturk.submit(
        "3ASSIGNMENT0000",
        worker_id="AWORKER00000",
        hit_id=posting.external_id,
        code=code,
    )

    recruiting.sync(posting.pk, now=NOW)
    recruiting.sync(posting.pk, now=NOW)

    enrolment = Enrolment.objects.get()
    assert (enrolment.status, enrolment.posting) == ("Submitted", posting)
    assert CompletionCode.objects.get().redeemed_at == NOW
    assert list(mturk.labels.values()) == [{"AWORKER00000"}]
    Payment.objects.update(approved_at=NOW)
    for pk in payments.due(now=NOW):
        payer = accounts.payer_of(Payment.objects.get(pk=pk))
        payments.send_payment(pk, payer=payer, now=clock.now)
    asked = reconciliations.request(pool, now=NOW)
    reconciliations.reconcile(asked.pk)

    asked.refresh_from_db()
    assert (asked.n_compared, asked.differences, asked.error) == (1, [], "")
    # Eight places are still open, and their rewards set aside.
    assert Budget.objects.get().committed_cents == 100 + 20 + 8 + 2 + 8 * 120

    mturk.SendBonus("AWORKER00000", "3ASSIGNMENT0000", "5.00", "by hand")
    mturk.submit("3STRANGER", worker_id="AX", hit_id=posting.external_id)
    reconciliations.reconcile(asked.pk)
    asked.refresh_from_db()
    assert [
        (one["submission"], one["here"], one["there"]) for one in asked.differences
    ] == [
        ("3ASSIGNMENT0000", "base + 0.08", "base + 0.08 + 5.00"),
        ("3STRANGER", "not there", "nothing paid"),
    ]


def test_a_code_of_another_assignment_is_not_taken(paid, mturk):
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool)
    honest = walk(arrive(pool, 0, posting))
    walk(arrive(pool, 1, posting))
    code = completion.ending_of(honest, now=NOW).code
    mturk.submit(
        "3ASSIGNMENT0001", worker_id="AW1", hit_id=posting.external_id, code=code
    )

    recruiting.sync(posting.pk, now=NOW)

    assert CompletionCode.objects.get().redeemed_at is None


def test_work_rejected_before_it_is_settled_is_not_paid(paid, mturk, clock):
    Budget.objects.update_or_create(study=paid, defaults={"is_automatic": True})
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool, 1)
    session = walk(arrive(pool, posting=posting), "r")
    mturk.submit("3ASSIGNMENT0000", worker_id="AW", hit_id=posting.external_id)
    enrolment = Enrolment.objects.get()
    decisions.reject(enrolment=enrolment, reason=WHY, actor=paid.owner, now=NOW)

    settlements.settle(session.pk, now=NOW)

    found = dict(Payment.objects.values_list("reason", "state"))
    assert found == {"base": "failed", "bonus": "owed"}
    assert WHY.strip() in Payment.objects.get(reason="base").error
    assert Payment.objects.get(reason="base").pk not in payments.due(now=NOW)
    decisions.take_back_rejection(enrolment=enrolment, actor=paid.owner, now=NOW)
    recruiting.sync(posting.pk, now=NOW)  # Amazon shows the rejection until it is paid
    assert Payment.objects.get(reason="base").state == "owed"


def test_what_was_rejected_at_amazon_itself_is_not_overridden(paid, mturk, clock):
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool, 1)
    session = walk(arrive(pool, posting=posting), "w")
    settlements.settle(session.pk, now=NOW)
    mturk.submit("3ASSIGNMENT0000", worker_id="AW", hit_id=posting.external_id)
    mturk.RejectAssignment("3ASSIGNMENT0000", "no")
    base = Payment.objects.get()
    Payment.objects.update(approved_at=NOW)

    payments.send_payment(base.pk, payer=accounts.payer_of(base), now=clock.now)
    recruiting.sync(posting.pk, now=NOW)

    base.refresh_from_db()
    assert (base.state, mturk.approvals) == ("failed", [])
    decisions.take_back_rejection(
        enrolment=Enrolment.objects.get(), actor=paid.owner, now=NOW
    )
    payments.send_payment(base.pk, payer=accounts.payer_of(base), now=clock.now)
    assert mturk.approvals == ["3ASSIGNMENT0000"]


def test_a_worker_whom_amazon_lets_nobody_mark_holds_nobody_up(paid, mturk, clock):
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool, 3)
    for number in range(3):
        arrive(pool, number, posting)
        name = f"3ASSIGNMENT000{number}"
        mturk.submit(name, worker_id=f"AW{number}", hit_id=posting.external_id)
    give = mturk.AssociateQualificationWithWorker

    def refuse_one(**asked):
        if asked["WorkerId"] == "AW1":
            raise RequestError("This worker is blocked.")
        return give(**asked)

    mturk.AssociateQualificationWithWorker = refuse_one

    recruiting.sync(posting.pk, now=NOW)

    assert set(Enrolment.objects.values_list("status", flat=True)) == {"Submitted"}
    assert list(mturk.labels.values()) == [{"AW0", "AW2"}]
    posting.refresh_from_db()
    assert posting.error.startswith("1 of 3 workers could not be marked as who took")
    assert posting.error.endswith("This worker is blocked.")
    mturk.AssociateQualificationWithWorker = give
    recruiting.sync(posting.pk, now=NOW)
    posting.refresh_from_db()
    assert (posting.error, list(mturk.labels.values())) == ("", [{"AW0", "AW1", "AW2"}])


def test_rejecting_and_taking_it_back_pays_once(paid, mturk, clock):
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool)
    session = walk(arrive(pool, posting=posting), "w")
    settlements.settle(session.pk, now=NOW)
    mturk.submit("3ASSIGNMENT0000", worker_id="AW", hit_id=posting.external_id)
    enrolment = Enrolment.objects.get()

    decisions.reject(enrolment=enrolment, reason=WHY, actor=paid.owner, now=NOW)

    base = Payment.objects.get()
    assert (base.state, base.error) == ("failed", f"Rejected: {WHY.strip()}")
    assert mturk.assignments["3ASSIGNMENT0000"].status == "Rejected"
    with pytest.raises(ConflictError, match="take the rejection back first"):
        decisions.retry(payment=base, actor=paid.owner)

    decisions.take_back_rejection(enrolment=enrolment, actor=paid.owner, now=NOW)
    payments.send_payment(base.pk, payer=accounts.payer_of(base), now=clock.now)

    base.refresh_from_db()
    assert base.state == "confirmed"
    assert mturk.approvals == ["3ASSIGNMENT0000"]
    with pytest.raises(ConflictError, match="cannot be rejected any more"):
        decisions.reject(enrolment=enrolment, reason=WHY, actor=paid.owner, now=NOW)


def test_a_notification_names_the_hits_to_look_at():
    plain = '{"Events": [{"EventType": "AssignmentSubmitted", "HITId": "3A"}]}'
    wrapped = '{"Message": "{\\"Events\\": [{\\"HITId\\": \\"3B\\"}]}"}'
    found = [recruiting._hits_in(body) for body in (plain, wrapped, "nonsense", "[]")]  # noqa: SLF001
    assert found == [["3A"], ["3B"], [], []]


@pytest.mark.parametrize("lists_bonuses", [True, False])
def test_prolific_from_posting_to_reconciled_payment(
    paid, prolific, clock, lists_bonuses
):
    prolific.lists_bonuses = lists_bonuses
    pool = pool_of(paid, "prolific")
    (posting,) = posted(pool, 12)
    made = prolific.studies[posting.external_id]
    assert (made["status"], made["reward"]) == ("ACTIVE", 100)
    assert made["total_available_places"] == 12
    assert made["maximum_allowed_time"] == paid.duration_limit_min + 60
    assert [code["code_type"] for code in made["completion_codes"]] == [
        "COMPLETED",
        "OTHER",
        "OTHER",
    ]
    assert not made["is_custom_screening"]
    session = walk(arrive(pool, posting=posting))
    settlements.settle(session.pk, now=NOW)
    ending = completion.ending_of(session, now=NOW)
    assert ending.code == made["completion_codes"][0]["code"]
    assert ending.return_url.endswith(ending.code)
    prolific.submit("3ASSIGNMENT0000", participant="p", study_id=posting.external_id)
    recruiting.sync(posting.pk, now=NOW)
    assert Enrolment.objects.get().status == "AWAITING REVIEW"
    Payment.objects.update(approved_at=NOW)
    for _ in range(3):
        for pk in payments.due(now=clock.at):
            payer = accounts.payer_of(Payment.objects.get(pk=pk))
            payments.send_payment(pk, payer=payer, now=clock.now)
        clock.advance(hours=2)

    asked = reconciliations.request(pool, now=NOW)
    reconciliations.reconcile(asked.pk)

    asked.refresh_from_db()
    assert (asked.n_compared, asked.differences) == (1, [])
    assert set(Payment.objects.values_list("state", flat=True)) == {"confirmed"}


@pytest.fixture
def unqualified(researcher, prolific, settings):
    """Give the base of somebody who missed the pass mark, owed and approved."""
    settings.PROLIFIC_CUSTOM_SCREENING = True
    study = factories.qualifying_study(
        researcher,
        protocol="hype_inf",
        qualification_max_attempts=1,
        pay_base="0.50",
        budget="500",
    )
    pool = pool_of(study, "prolific")
    (posting,) = posted(pool)
    assert prolific.studies[posting.external_id]["is_custom_screening"]
    session = walk(arrive(pool, posting=posting), "w")
    settlements.settle(session.pk, now=NOW)
    prolific.submit("3ASSIGNMENT0000", participant="p", study_id=posting.external_id)
    Payment.objects.update(approved_at=NOW)
    return Payment.objects.get()


def send(payment, clock):
    payer = accounts.payer_of(payment)
    payments.send_payment(payment.pk, payer=payer, now=clock.now)
    clock.advance(hours=2)
    payment.refresh_from_db()


@pytest.mark.parametrize(
    ("is_screening", "status"), [(True, "SCREENED OUT"), (False, "APPROVED")]
)
def test_who_did_not_qualify_is_paid_at_prolific(
    unqualified, prolific, clock, is_screening, status
):
    for study in prolific.studies.values():
        study["is_custom_screening"] = is_screening

    send(unqualified, clock)
    send(unqualified, clock)

    assert (unqualified.state, unqualified.amount_cents) == ("confirmed", 50)
    assert prolific.submissions["3ASSIGNMENT0000"].status == status


def test_a_screen_out_costs_what_its_place_was_to_cost(unqualified, prolific, clock):
    before = Budget.objects.get().committed_cents
    posting = Posting.objects.get()

    send(unqualified, clock)
    send(unqualified, clock)
    recruiting.sync(posting.pk, now=clock.at)

    assert unqualified.state == "confirmed"
    posting.refresh_from_db()
    assert (posting.n_places, posting.n_promised) == (9, 8)
    assert Budget.objects.get().committed_cents == before == 9 * 67


def test_a_screen_out_that_is_refused_is_paid_in_no_other_way(
    unqualified, prolific, clock
):
    screen_out = prolific.screen_out
    prolific.screen_out = lambda *_: Reply({"error": {"detail": "Not today."}}, 400)

    send(unqualified, clock)

    assert unqualified.state == "failed"
    assert "nothing was paid" in unqualified.error
    assert "Not today." in unqualified.error
    assert prolific.submissions["3ASSIGNMENT0000"].status == "AWAITING REVIEW"
    # The places are set aside still: Prolific pays them if nobody decides.
    assert Budget.objects.get().committed_cents == 9 * 67
    prolific.screen_out = screen_out
    payments.retry_failed(payment=unqualified)
    send(unqualified, clock)
    send(unqualified, clock)
    assert unqualified.state == "confirmed"


def test_what_was_approved_by_hand_after_a_refusal_is_not_paid_again(
    unqualified, prolific, clock
):
    prolific.submissions["3ASSIGNMENT0000"].status = "APPROVED"
    n_requests = len(prolific.requests)

    send(unqualified, clock)

    assert unqualified.state == "confirmed"
    assert [method for method, _ in prolific.requests[n_requests:]] == ["GET"]


def test_a_study_whose_reply_was_lost_is_not_made_again_at_prolific(paid, prolific):
    (posting,) = recruiting.request_posting(
        pool=pool_of(paid, "prolific"),
        wish=Wish(3, minutes=10),
        actor=paid.owner,
        now=NOW,
    )
    prolific.faults = Faults(lost_after=1.0)
    recruiting.post(posting.pk, entry_url=ENTRY)
    prolific.faults = Faults()

    recruiting.post(posting.pk, entry_url=ENTRY)

    posting.refresh_from_db()
    assert posting.state == "open"
    assert list(prolific.studies) == [posting.external_id]


def lose_replies(double, *fates):
    """Let the next replies meet these fates, and all later ones be well."""
    fates = iter(fates)
    double.faults.draw = lambda: next(fates, "")


def test_a_code_brought_by_somebody_without_a_session_is_owed_nothing(paid, prolific):
    pool = pool_of(paid, "prolific")
    (posting,) = posted(pool)
    session = walk(arrive(pool, posting=posting))
    settlements.settle(session.pk, now=NOW)
    # Whoever finished tells another person the study's code.
    prolific.submit("stranger", participant="q", study_id=posting.external_id)

    recruiting.sync(posting.pk, now=NOW)

    assert set(Payment.objects.values_list("session", flat=True)) == {session.pk}
    posting.refresh_from_db()
    assert posting.n_strangers == 1


def test_a_study_on_a_later_page_of_prolifics_list_is_found(paid, prolific):
    for _ in range(2 * prolific.page_size + 1):
        prolific.create({"completion_codes": [], "internal_name": "somebody else's"})
    (posting,) = recruiting.request_posting(
        pool=pool_of(paid, "prolific"),
        wish=Wish(3, minutes=10),
        actor=paid.owner,
        now=NOW,
    )
    lose_replies(prolific, "lost_after")
    recruiting.post(posting.pk, entry_url=ENTRY)

    recruiting.post(posting.pk, entry_url=ENTRY)

    posting.refresh_from_db()
    assert posting.external_id == list(prolific.studies)[-1]
    assert len(prolific.studies) == 2 * prolific.page_size + 2


def test_a_study_is_published_once_though_the_reply_was_lost(paid, prolific):
    (posting,) = recruiting.request_posting(
        pool=pool_of(paid, "prolific"),
        wish=Wish(3, minutes=10),
        actor=paid.owner,
        now=NOW,
    )
    # The study is made and read, and the reply to its publication is lost.
    lose_replies(prolific, "", "", "lost_after")
    recruiting.post(posting.pk, entry_url=ENTRY)
    (made,) = prolific.studies.values()
    assert made["status"] == "ACTIVE"

    recruiting.post(posting.pk, entry_url=ENTRY)

    posting.refresh_from_db()
    assert (posting.state, posting.error) == ("open", "")
    assert [path for _, path in prolific.requests].count(
        f"/studies/{made['id']}/transition/"
    ) == 1


def test_a_study_that_its_researcher_paused_meanwhile_stays_paused(paid, prolific):
    (posting,) = recruiting.request_posting(
        pool=pool_of(paid, "prolific"),
        wish=Wish(3, minutes=10),
        actor=paid.owner,
        now=NOW,
    )
    lose_replies(prolific, "", "", "lost_after")
    recruiting.post(posting.pk, entry_url=ENTRY)
    (made,) = prolific.studies.values()
    made["status"] = "PAUSED"

    recruiting.post(posting.pk, entry_url=ENTRY)

    posting.refresh_from_db()
    assert (posting.state, made["status"]) == ("open", "PAUSED")


@pytest.mark.parametrize("status", ["AWAITING REVIEW", "COMPLETED"])
def test_ending_what_is_over_at_prolific_already(paid, prolific, status):
    (posting,) = posted(pool_of(paid, "prolific"))
    prolific.studies[posting.external_id]["status"] = status

    recruiting.end(posting=posting, actor=paid.owner)

    posting.refresh_from_db()
    assert posting.state == "ended"
    assert prolific.studies[posting.external_id]["status"] == status


def test_older_news_of_a_submission_changes_nothing(paid):
    pool = pool_of(paid, "prolific")
    arrive(pool)
    name = Enrolment.objects.get().external_id
    later = NOW + timedelta(minutes=1)

    recruiting.take_status(Service.PROLIFIC, name, status="APPROVED", at=later)
    recruiting.take_status(Service.PROLIFIC, name, status="ACTIVE", at=NOW)

    assert Enrolment.objects.get().status == "APPROVED"


@pytest.mark.parametrize("reason", ["base", "bonus"])
def test_nothing_is_paid_at_prolific_before_the_person_submits(
    paid, prolific, clock, reason
):
    pool = pool_of(paid, "prolific")
    session = walk(arrive(pool))
    settlements.settle(session.pk, now=NOW)
    prolific.submit("3ASSIGNMENT0000", participant="p")
    prolific.submissions["3ASSIGNMENT0000"].status = "ACTIVE"
    Payment.objects.update(approved_at=NOW)
    due = Payment.objects.get(reason=reason)
    payer = accounts.payer_of(due)

    payments.send_payment(due.pk, payer=payer, now=clock.now)

    due.refresh_from_db()
    assert (due.state, Budget.objects.get().committed_cents) == ("owed", 0)
    prolific.submissions["3ASSIGNMENT0000"].status = "AWAITING REVIEW"
    clock.advance(hours=2)
    payments.send_payment(due.pk, payer=payer, now=clock.now)
    clock.advance(hours=2)
    payments.send_payment(due.pk, payer=payer, now=clock.now)
    due.refresh_from_db()
    assert due.state == "confirmed"


def test_who_presses_begin_twice_is_not_sent_away(paid, mturk, monkeypatch):
    pool = pool_of(paid, "mturk")
    first = arrive(pool)
    mturk.submit("3ASSIGNMENT0000", worker_id="AWORKER00000")
    rows = Enrolment.objects.select_related("session__evaluator")
    # The second request looked before the first had stored anything.
    monkeypatch.setattr(
        Enrolment.objects, "select_related", lambda *_: rows.none(), raising=False
    )

    again = recruiting.join(
        pool=pool, arrival=Arrival("AWORKER00000", "3ASSIGNMENT0000"), now=NOW
    )

    assert again == first
    with pytest.raises(ConflictError, match="another assignment"):
        recruiting.join(pool=pool, arrival=Arrival("AWORKER00000", "3OTHER"), now=NOW)


def test_a_refused_code_is_in_no_log(paid, mturk, caplog):
    pool = pool_of(paid, "mturk")
    (posting,) = posted(pool, 1)
    arrive(pool, posting=posting)
    mturk.submit(
        "3ASSIGNMENT0000",
        worker_id="AWORKER00000",
        hit_id=posting.external_id,
        code="AWORKER00000",
    )

    recruiting.sync(posting.pk, now=NOW)

    assert "was refused" in caplog.text
    assert "AWORKER" not in caplog.text


def test_ending_a_hit_though_the_reply_was_lost(paid, mturk):
    (posting,) = recruiting.request_posting(
        pool=pool_of(paid, "mturk"), wish=Wish(3, minutes=10), actor=paid.owner, now=NOW
    )
    Posting.objects.update(error=recruiting.UNFINISHED)
    mturk.CreateHIT(
        RequesterAnnotation=f"posting {posting.reference}", MaxAssignments=3
    )

    recruiting.end(posting=posting, actor=paid.owner)

    posting.refresh_from_db()
    assert posting.state == "ended"
    assert mturk.hits[posting.external_id]["Expiration"] < NOW.timestamp()


@pytest.mark.parametrize(
    ("fates", "status"),
    [(["lost_after"], None), (["", "", "lost_after"], "AWAITING REVIEW")],
    ids=["the study was made", "and published"],
)
def test_ending_a_study_though_the_reply_was_lost(paid, prolific, fates, status):
    (posting,) = recruiting.request_posting(
        pool=pool_of(paid, "prolific"),
        wish=Wish(3, minutes=10),
        actor=paid.owner,
        now=NOW,
    )
    lose_replies(prolific, *fates)
    recruiting.post(posting.pk, entry_url=ENTRY)

    recruiting.end(posting=posting, actor=paid.owner)

    # One that nobody can have seen is taken away, here and there.
    left = [one["status"] for one in prolific.studies.values()]
    assert left == ([status] if status else [])
    states = list(Posting.objects.values_list("state", flat=True))
    assert states == (["ended"] if status else [])


def test_ending_what_was_never_posted_forgets_it(paid, mturk):
    (posting,) = recruiting.request_posting(
        pool=pool_of(paid, "mturk"), wish=Wish(3, minutes=10), actor=paid.owner, now=NOW
    )
    Posting.objects.update(error=recruiting.UNFINISHED)

    recruiting.end(posting=posting, actor=paid.owner)

    assert not Posting.objects.exists()


def test_a_study_in_another_currency_is_not_posted_at_prolific(paid, settings):
    settings.PROLIFIC_CURRENCY = "GBP"
    with pytest.raises(DomainError, match="pays in GBP, not USD"):
        posted(pool_of(paid, "prolific"))
