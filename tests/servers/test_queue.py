"""Mechanical Turk's notifications through a real queue, read by a real worker."""

import json
import os
import time
from contextlib import ExitStack

import boto3
import psycopg2
import pytest

from hypeweb import environment
from tests.doubles.mturk import MTurkDouble
from tests.servers.conftest import KEYS, address_of
from tests.servers.test_payments import run_python

pytestmark = [pytest.mark.services, pytest.mark.slow]

N_PEOPLE = 25
# Looked at tomorrow, so that nothing but a message has them looked at.
MAKE = """
import sys, uuid
from datetime import timedelta
from django.utils import timezone
from tests import factories
from hypeweb.models import Enrolment, Evaluator, Pool, Posting, Session
study = factories.bare_study(factories.make_user("owner"), pay_base=1, budget=500)
pool = Pool.objects.create(study=study, kind="mturk", name="Workers", token="t")
for hit_id in sys.argv[2:]:
    posting = Posting.objects.create(
        pool=pool, reference=uuid.uuid4(), external_id=hit_id, state="open",
        n_places=int(sys.argv[1]), reward_cents=100, place_cents=120, minutes=10,
        hours_open=72, created_at=timezone.now(),
        synced_at=timezone.now() + timedelta(days=1),
    )
for number in range(int(sys.argv[1])):
    evaluator = Evaluator.objects.create(channel="mturk", token=f"t{number}",
                                         external_id_hash=f"h{number}")
    session = Session.objects.create(
        study=study, pool=pool, evaluator=evaluator, token=f"s{number}",
        population="people", seed=1, consented_at=timezone.now(),
        last_seen_at=timezone.now(),
    )
    Enrolment.objects.create(session=session, service="mturk",
                             external_id=f"3A{number}")
"""


def event(kind: str, hit_id: str, assignment_id: str = "") -> str:
    """Return a notification as Amazon puts it into a queue."""
    told = {
        "EventType": kind,
        "EventTimestamp": "2026-01-02T12:00:00Z",
        "HITId": hit_id,
        "AssignmentId": assignment_id,
        "HITTypeId": f"TYPE{hit_id}",
    }
    return json.dumps({"EventDocVersion": "2014-08-15", "Events": [told]})


def through_topic(body: str) -> str:
    """Return it as a topic of SNS passes it on."""
    return json.dumps({"Type": "Notification", "MessageId": "m", "Message": body})


def rows(connection, statement: str) -> list:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_messages_have_their_hit_looked_at_however_they_come(make_installation):
    bucket = environment.read_url("HYPE_TEST_S3_URL", "", schemes={"s3"})
    address_of("HYPE_TEST_S3_URL")
    endpoint = environment.bucket(bucket).endpoint_url
    queue = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    queue_url = queue.create_queue(QueueName=f"notices-{os.getpid()}")["QueueUrl"]
    double = MTurkDouble()
    hit_id, quiet = (
        double.CreateHIT(MaxAssignments=N_PEOPLE, LifetimeInSeconds=3600)["HIT"][
            "HITId"
        ]
        for _ in range(2)
    )

    def send(*bodies: str) -> None:
        for body in bodies:
            queue.send_message(QueueUrl=queue_url, MessageBody=body)

    def is_empty() -> bool:
        names = (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        )
        told = queue.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return all(told["Attributes"][name] == "0" for name in names)

    with ExitStack() as stack:
        installation = make_installation(
            database="HYPE_TEST_DATABASE_URL",
            broker="HYPE_TEST_REDIS_URL",
            MTURK_ENDPOINT_URL=stack.enter_context(double.serving()),
            MTURK_QUEUE_URL=queue_url,
            AWS_ENDPOINT_URL_SQS=endpoint,
            NO_PROXY="127.0.0.1",
            **KEYS,
        )
        run_python(installation, MAKE, str(N_PEOPLE), hit_id, quiet)
        connection = psycopg2.connect(installation.env["DATABASE_URL"])
        connection.autocommit = True
        stack.callback(connection.close)
        stack.enter_context(installation.running())

        def wait_until(is_so) -> None:
            deadline = time.monotonic() + 240
            while not is_so():
                assert time.monotonic() < deadline, rows(
                    connection, "SELECT external_id, status FROM hypeweb_enrolment"
                )
                time.sleep(0.5)

        def statuses() -> set:
            return {
                status
                for (status,) in rows(
                    connection, "SELECT status FROM hypeweb_enrolment"
                )
            }

        # More than one call to the queue takes, the last of them older news, some
        # twice, some through a topic, some that nobody can read or knows.
        for number in range(N_PEOPLE):
            double.submit(f"3A{number}", worker_id=f"AW{number}", hit_id=hit_id)
            told = event("AssignmentSubmitted", hit_id, f"3A{number}")
            send(told, through_topic(told) if number % 2 else told)
        send("no JSON", '{"Message": 5}', event("AssignmentSubmitted", "3UNKNOWN"))
        send(event("AssignmentReturned", hit_id, "3A0"))
        wait_until(lambda: statuses() == {"Submitted"} and is_empty())

        for number in range(N_PEOPLE):
            double.ApproveAssignment(f"3A{number}")
        send(event("AssignmentApproved", hit_id))
        wait_until(lambda: statuses() == {"Approved"} and is_empty())
        send(*[event("AssignmentSubmitted", hit_id, "3A0")] * 3)
        wait_until(is_empty)
        before = rows(connection, "SELECT now()")[0][0]
        send(event("AssignmentAbandoned", hit_id))
        synced = (
            "SELECT 1 FROM hypeweb_posting WHERE synced_at BETWEEN "  # noqa: S608
            f"'{before}' AND now()"
        )
        wait_until(lambda: rows(connection, synced))

        assert statuses() == {"Approved"}
        paid = rows(
            connection,
            "SELECT state, count(*), sum(amount_cents + fee_cents) FROM "
            "hypeweb_payment GROUP BY state",
        )
        assert paid == [("confirmed", N_PEOPLE, N_PEOPLE * 120)]
        assert rows(connection, "SELECT committed_cents FROM hypeweb_budget") == [
            (N_PEOPLE * 120,)
        ]
        # Nothing was told of the other HIT, and nobody asked.
        left = "SELECT external_id FROM hypeweb_posting WHERE synced_at > now()"
        assert rows(connection, left) == [(quiet,)]
