"""Simulated evaluators with known behaviour, for tests, planning and rehearsals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
from scipy.special import ndtr, ndtri

from hypeweb.science.psychometric import chance_correct

Truth = Literal["real", "fake"]


@dataclass(frozen=True)
class Answer:
    """What an observer did on one trial.

    Attributes
    ----------
    answer : {"real", "fake"}
        The key pressed.
    rt_ms : float
        Response time, counted from the end of the exposure.
    """

    answer: Truth
    rt_ms: float


class Observer(Protocol):
    """Somebody who answers trials."""

    def answer(
        self,
        *,
        truth: Truth,
        exposure_ms: float | None,
        trial: int,
        rng: np.random.Generator,
    ) -> Answer | None:
        """Return the answer to one trial, or None when the observer has left.

        Parameters
        ----------
        truth : {"real", "fake"}
            What the image is.
        exposure_ms : float or None
            How long it was seen; None without limit.
        trial : int
            Trials answered before this one.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Answer or None
            None means that the observer closed the page and answers nothing more.
        """


@dataclass(frozen=True)
class PsychometricObserver:
    """An evaluator who sees more the longer the image is shown.

    Attributes
    ----------
    threshold_ms : float
        Exposure at which 75 % of the answers are correct.
    slope : float
        Shape of the Weibull function.
    lapse : float
        Share of answers wrong whatever the exposure, below 0.25.
    bias : float
        Lean to "real" in units of standard deviations; 0 is none. A biased observer is
        correct less often than the psychometric function says.
    learning : float
        Relative fall of threshold and untimed error over 100 trials, as the exponent
        of exp(-learning * trial / 100).
    untimed_error : float
        Share of wrong answers when the image stays, between 0 and 1.

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Notes
    -----
    An unbiased observer is correct with chance p; as a signal detector that is
    d' = 2 z(p), and P("real") = Phi(+-d'/2 + bias) for real and generated images.
    """

    threshold_ms: float = 250.0
    slope: float = 1.5
    lapse: float = 0.02
    bias: float = 0.0
    learning: float = 0.0
    untimed_error: float = 0.25

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.threshold_ms > 0:
            raise ValueError(f"threshold_ms must be above 0, got {self.threshold_ms}.")
        if not self.slope > 0:
            raise ValueError(f"slope must be above 0, got {self.slope}.")
        if not 0 <= self.lapse < 0.25:  # noqa: PLR2004 above it 75 % is out of reach
            raise ValueError(
                f"lapse must be at least 0 and below 0.25, got {self.lapse}."
            )
        if not 0 <= self.untimed_error <= 1:
            raise ValueError(
                f"untimed_error must lie between 0 and 1, got {self.untimed_error}."
            )

    def chance_correct(self, *, exposure_ms: float | None, trial: int) -> float:
        """Return the chance of a correct answer without bias.

        Parameters
        ----------
        exposure_ms : float or None
            How long the image is seen; None without limit.
        trial : int
            Trials answered before.

        Returns
        -------
        float
            Between 0 and 1.
        """
        factor = float(np.exp(-self.learning * trial / 100))
        if exposure_ms is None:
            return 1 - min(self.untimed_error * factor, 1.0)
        return float(
            chance_correct(
                exposure_ms,
                threshold_ms=self.threshold_ms * factor,
                slope=self.slope,
                lapse=self.lapse,
            )
        )

    def answer(
        self,
        *,
        truth: Truth,
        exposure_ms: float | None,
        trial: int,
        rng: np.random.Generator,
    ) -> Answer:
        """Return the answer to one trial.

        Parameters
        ----------
        truth : {"real", "fake"}
            What the image is.
        exposure_ms : float or None
            How long it was seen; None without limit.
        trial : int
            Trials answered before this one.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Answer
            Response times are 300 ms and a log-normal part with a median of 600 ms.
        """
        half_dprime = ndtri(self.chance_correct(exposure_ms=exposure_ms, trial=trial))
        evidence = half_dprime if truth == "real" else -half_dprime
        said_real = rng.random() < ndtr(evidence + self.bias)
        rt_ms = 300 + 600 * float(np.exp(0.4 * rng.standard_normal()))
        return Answer(answer="real" if said_real else "fake", rt_ms=rt_ms)


@dataclass(frozen=True)
class RandomObserver:
    """Somebody who guesses on every trial, at an ordinary pace."""

    def answer(
        self,
        *,
        truth: Truth,  # noqa: ARG002
        exposure_ms: float | None,  # noqa: ARG002
        trial: int,  # noqa: ARG002
        rng: np.random.Generator,
    ) -> Answer:
        """Return a guess.

        Parameters
        ----------
        truth, exposure_ms, trial : object
            Not looked at.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Answer
            "real" half of the time.
        """
        return Answer(answer=_guess(rng), rt_ms=float(rng.uniform(400, 1200)))


@dataclass(frozen=True)
class ConstantObserver:
    """Somebody who presses one key whatever the image.

    Attributes
    ----------
    always : {"real", "fake"}
        The key.
    """

    always: Truth = "real"

    def answer(
        self,
        *,
        truth: Truth,  # noqa: ARG002
        exposure_ms: float | None,  # noqa: ARG002
        trial: int,  # noqa: ARG002
        rng: np.random.Generator,
    ) -> Answer:
        """Return the one answer.

        Parameters
        ----------
        truth, exposure_ms, trial : object
            Not looked at.
        rng : numpy.random.Generator
            Source of randomness, for the response time.

        Returns
        -------
        Answer
            Always the same answer.
        """
        return Answer(answer=self.always, rt_ms=float(rng.uniform(250, 600)))


@dataclass(frozen=True)
class FastClicker:
    """Somebody who clicks through faster than anybody can see and decide."""

    def answer(
        self,
        *,
        truth: Truth,  # noqa: ARG002
        exposure_ms: float | None,  # noqa: ARG002
        trial: int,  # noqa: ARG002
        rng: np.random.Generator,
    ) -> Answer:
        """Return a guess within 140 ms.

        Parameters
        ----------
        truth, exposure_ms, trial : object
            Not looked at.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Answer
            A guess after 40 to 140 ms.
        """
        return Answer(answer=_guess(rng), rt_ms=float(rng.uniform(40, 140)))


@dataclass(frozen=True)
class DropOut:
    """Somebody who leaves in the middle.

    Attributes
    ----------
    wraps : Observer
        Who answers until then.
    after : int
        Trials answered before leaving.
    """

    wraps: Observer = field(default_factory=PsychometricObserver)
    after: int = 20

    def answer(
        self,
        *,
        truth: Truth,
        exposure_ms: float | None,
        trial: int,
        rng: np.random.Generator,
    ) -> Answer | None:
        """Return the wrapped observer's answer, or None after the last trial.

        Parameters
        ----------
        truth : {"real", "fake"}
            What the image is.
        exposure_ms : float or None
            How long it was seen; None without limit.
        trial : int
            Trials answered before this one.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Answer or None
            None from trial `after` on.
        """
        if trial >= self.after:
            return None
        return self.wraps.answer(
            truth=truth, exposure_ms=exposure_ms, trial=trial, rng=rng
        )


def _guess(rng: np.random.Generator) -> Truth:
    return "real" if rng.random() < 0.5 else "fake"  # noqa: PLR2004 a fair coin


OBSERVERS: Mapping[str, Callable[[], Observer]] = MappingProxyType(
    {
        "psychometric": PsychometricObserver,
        "random": RandomObserver,
        "always-real": ConstantObserver,
        "always-fake": lambda: ConstantObserver(always="fake"),
        "fast-clicker": FastClicker,
        "drop-out": DropOut,
    }
)
