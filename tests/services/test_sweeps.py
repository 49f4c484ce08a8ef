import math

import pytest
from django.db import IntegrityError

from hypeweb.models import Arm, SampleSet, Study
from hypeweb.services import studies, sweeps
from hypeweb.services.errors import DomainError
from tests.factories import make_sample_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_set(researcher, tmp_path):
    def make(name, *, origin="generated", **fields):
        made = make_sample_set(researcher, name, folder=tmp_path, origin=origin)
        for field, value in fields.items():
            setattr(made, field, value)
        made.save()
        return made

    return make


def unsaved(name, **fields):
    return SampleSet(name=name, origin="generated", **fields)


def draft(owner, real, sets, axis):
    study = Study(
        name="A sweep",
        owner=owner,
        real_set=real,
        sweep_axis=axis,
        n_real=2,
        n_fake=2,
        consent_text="You agree.",
    )
    return studies.create_study(study=study, sample_sets=sets)


def test_arms_come_in_the_order_of_the_axis_and_are_named_by_it(researcher, make_set):
    sets = [
        make_set("late", step=12_000),
        make_set("early", step=500),
        make_set("middle", step=4000),
    ]
    study = draft(researcher, make_set("real", origin="real"), sets, "step")
    found = study.arms.values_list(
        "position", "label", "axis_value", "sample_set__name"
    )
    assert list(found) == [
        (0, "step 500", 500.0, "early"),
        (1, "step 4\u202f000", 4000.0, "middle"),
        (2, "step 12\u202f000", 12000.0, "late"),
    ]
    assert ("Sweep over", "checkpoint step") in studies.describe(study)


def test_no_truncation_lies_beyond_every_truncation():
    sets = [unsaved("a"), unsaved("b", truncation=2.0), unsaved("c", truncation=0.5)]
    placed = sweeps.place("truncation", sets)
    assert [(one.label, one.axis_value) for one in placed] == [
        ("truncation 0.5", 0.5),
        ("truncation 2", 2.0),
        ("no truncation", math.inf),
    ]


def test_infinity_is_stored(researcher, make_set):
    sets = [make_set("whole"), make_set("half", truncation=0.5)]
    study = draft(researcher, make_set("real", origin="real"), sets, "truncation")
    values = study.arms.values_list("axis_value", flat=True)
    assert list(values) == [0.5, math.inf]


def test_without_an_axis_arms_keep_names_and_order():
    sets = [unsaved("b", step=2), unsaved("a", step=1)]
    assert sweeps.place("", sets) == [
        sweeps.PlacedSet(sets[0], "b", None),
        sweeps.PlacedSet(sets[1], "a", None),
    ]


@pytest.mark.parametrize(
    ("axis", "sets", "sentence"),
    [
        ("step", [unsaved("a", step=1)], "needs at least two"),
        ("step", [unsaved("a", step=1), unsaved("b")], "“b” has no checkpoint step"),
        (
            "step",
            [unsaved("a", step=1), unsaved("b", step=1)],
            "“a” and “b” both stand at step 1",
        ),
        ("truncation", [unsaved("a"), unsaved("b")], "both stand at no truncation"),
        (
            "step",
            [unsaved("a", step=1, model_name="x"), unsaved("b", step=2)],
            "these sets come from an unnamed one and “x”",
        ),
        (
            "step",
            [unsaved("a", step=1, truncation=0.5), unsaved("b", step=2)],
            r"also differ in truncation \(0.5, none\)",
        ),
    ],
)
def test_what_makes_no_curve_is_refused(axis, sets, sentence):
    with pytest.raises(DomainError, match=sentence):
        sweeps.place(axis, sets)


def test_the_database_refuses_two_arms_at_one_place(researcher, make_set):
    sets = [make_set("a", step=1), make_set("b", step=2)]
    study = draft(researcher, make_set("real", origin="real"), sets, "step")
    with pytest.raises(IntegrityError):
        Arm.objects.create(
            study=study,
            sample_set=make_set("c", step=2),
            label="again",
            position=2,
            axis_value=2.0,
        )


def test_a_set_described_anew_holds_the_opening_back(researcher, make_set):
    sets = [make_set("a", step=1), make_set("b", step=2)]
    study = draft(researcher, make_set("real", origin="real"), sets, "step")
    assert not any("no longer stands" in found for found in studies.blockers(study))
    SampleSet.objects.filter(name="b").update(step=3)
    assert (
        "“b” no longer stands at step 2; change it back, or draft the sweep again."
        in studies.blockers(study)
    )
