"""The publications a report's methods come from, as BibTeX."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One publication: how it is cited, and its entry."""

    key: str
    cited: str
    kind: str
    fields: tuple[tuple[str, str], ...]

    def entry(self) -> str:
        """Return the BibTeX entry."""
        lines = [f"  {name:<9} = {{{value}}}" for name, value in self.fields]
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}\n"


def _article(key: str, cited: str, **fields: str) -> Reference:
    return Reference(key, cited, "article", tuple(fields.items()))


def _in_proceedings(key: str, cited: str, **fields: str) -> Reference:
    return Reference(key, cited, "inproceedings", tuple(fields.items()))


def _book(key: str, cited: str, **fields: str) -> Reference:
    return Reference(key, cited, "book", tuple(fields.items()))


NEURIPS = "Advances in Neural Information Processing Systems"

REFERENCES = (
    _in_proceedings(
        "zhou2019hype",
        "Zhou et al. 2019",
        author="Zhou, Sharon and Gordon, Mitchell L. and Krishna, Ranjay and Narcomey, "
        "Austin and Fei-Fei, Li and Bernstein, Michael S.",
        title="{HYPE}: A Benchmark for Human e{Y}e Perceptual Evaluation of Generative "
        "Models",
        booktitle=NEURIPS,
        volume="32",
        pages="3449--3461",
        year="2019",
    ),
    _article(
        "levitt1971",
        "Levitt 1971",
        author="Levitt, H.",
        title="Transformed Up-Down Methods in Psychoacoustics",
        journal="The Journal of the Acoustical Society of America",
        volume="49",
        number="2B",
        pages="467--477",
        year="1971",
    ),
    _article(
        "kaernbach1991",
        "Kaernbach 1991",
        author="Kaernbach, Christian",
        title="Simple Adaptive Testing with the Weighted Up-Down Method",
        journal="Perception \\& Psychophysics",
        volume="49",
        number="3",
        pages="227--229",
        year="1991",
    ),
    _article(
        "wichmann2001",
        "Wichmann and Hill 2001",
        author="Wichmann, Felix A. and Hill, N. Jeremy",
        title="The Psychometric Function: {I}. {F}itting, Sampling, and Goodness of "
        "Fit",
        journal="Perception \\& Psychophysics",
        volume="63",
        number="8",
        pages="1293--1313",
        year="2001",
    ),
    _article(
        "schuett2016",
        "Schütt et al. 2016",
        author='Sch{\\"u}tt, Heiko H. and Harmeling, Stefan and Macke, Jakob H. and '
        "Wichmann, Felix A.",
        title="Painfree and Accurate {B}ayesian Estimation of Psychometric Functions "
        "for (Potentially) Overdispersed Data",
        journal="Vision Research",
        volume="122",
        pages="105--123",
        year="2016",
    ),
    _book(
        "macmillan2005",
        "Macmillan and Creelman 2005",
        author="Macmillan, Neil A. and Creelman, C. Douglas",
        title="Detection Theory: A User's Guide",
        edition="2",
        publisher="Lawrence Erlbaum Associates",
        year="2005",
    ),
    _article(
        "hautus1995",
        "Hautus 1995",
        author="Hautus, Michael J.",
        title="Corrections for Extreme Proportions and Their Biasing Effects on "
        "Estimated Values of $d'$",
        journal="Behavior Research Methods, Instruments, \\& Computers",
        volume="27",
        number="1",
        pages="46--51",
        year="1995",
    ),
    _book(
        "efron1993",
        "Efron and Tibshirani 1993",
        author="Efron, Bradley and Tibshirani, Robert J.",
        title="An Introduction to the Bootstrap",
        publisher="Chapman \\& Hall",
        year="1993",
    ),
    _article(
        "owen2007",
        "Owen 2007",
        author="Owen, Art B.",
        title="The Pigeonhole Bootstrap",
        journal="The Annals of Applied Statistics",
        volume="1",
        number="2",
        pages="386--411",
        year="2007",
    ),
    _article(
        "cameron2011",
        "Cameron et al. 2011",
        author="Cameron, A. Colin and Gelbach, Jonah B. and Miller, Douglas L.",
        title="Robust Inference with Multiway Clustering",
        journal="Journal of Business \\& Economic Statistics",
        volume="29",
        number="2",
        pages="238--249",
        year="2011",
    ),
    _article(
        "tukey1949",
        "Tukey 1949",
        author="Tukey, John W.",
        title="Comparing Individual Means in the Analysis of Variance",
        journal="Biometrics",
        volume="5",
        number="2",
        pages="99--114",
        year="1949",
    ),
    _article(
        "holm1979",
        "Holm 1979",
        author="Holm, Sture",
        title="A Simple Sequentially Rejective Multiple Test Procedure",
        journal="Scandinavian Journal of Statistics",
        volume="6",
        number="2",
        pages="65--70",
        year="1979",
    ),
    _article(
        "welch1947",
        "Welch 1947",
        author="Welch, B. L.",
        title="The Generalization of `{S}tudent's' Problem When Several Different "
        "Population Variances Are Involved",
        journal="Biometrika",
        volume="34",
        number="1--2",
        pages="28--35",
        year="1947",
    ),
    _article(
        "williams1949",
        "Williams 1949",
        author="Williams, E. J.",
        title="Experimental Designs Balanced for the Estimation of Residual Effects of "
        "Treatments",
        journal="Australian Journal of Scientific Research, Series A",
        volume="2",
        number="2",
        pages="149--168",
        year="1949",
    ),
    _article(
        "waudbysmith2024",
        "Waudby-Smith and Ramdas 2024",
        author="Waudby-Smith, Ian and Ramdas, Aaditya",
        title="Estimating Means of Bounded Random Variables by Betting",
        journal="Journal of the Royal Statistical Society Series B: Statistical "
        "Methodology",
        volume="86",
        number="1",
        pages="1--27",
        year="2024",
    ),
    _in_proceedings(
        "heusel2017",
        "Heusel et al. 2017",
        author="Heusel, Martin and Ramsauer, Hubert and Unterthiner, Thomas and "
        "Nessler, Bernhard and Hochreiter, Sepp",
        title="{GAN}s Trained by a Two Time-Scale Update Rule Converge to a Local "
        "{N}ash Equilibrium",
        booktitle=NEURIPS,
        volume="30",
        year="2017",
    ),
    _article(
        "dowson1982",
        "Dowson and Landau 1982",
        author="Dowson, D. C. and Landau, B. V.",
        title="The {F}r{\\'e}chet Distance between Multivariate Normal Distributions",
        journal="Journal of Multivariate Analysis",
        volume="12",
        number="3",
        pages="450--455",
        year="1982",
    ),
    _in_proceedings(
        "salimans2016",
        "Salimans et al. 2016",
        author="Salimans, Tim and Goodfellow, Ian and Zaremba, Wojciech and Cheung, "
        "Vicki and Radford, Alec and Chen, Xi",
        title="Improved Techniques for Training {GAN}s",
        booktitle=NEURIPS,
        volume="29",
        year="2016",
    ),
    _in_proceedings(
        "kynkaanniemi2019",
        "Kynkäänniemi et al. 2019",
        author='Kynk{\\"a}{\\"a}nniemi, Tuomas and Karras, Tero and Laine, Samuli and '
        "Lehtinen, Jaakko and Aila, Timo",
        title="Improved Precision and Recall Metric for Assessing Generative Models",
        booktitle=NEURIPS,
        volume="32",
        year="2019",
    ),
)
BY_KEY = {reference.key: reference for reference in REFERENCES}


def cite(*keys: str) -> str:
    """Return publications as a text cites them."""
    return f"({'; '.join(BY_KEY[key].cited for key in keys)})"


def bibtex(keys: Iterable[str]) -> str:
    """Return the entries of publications, in one order, each once."""
    wanted = set(keys)
    found = [one.entry() for one in REFERENCES if one.key in wanted]
    return "\n".join(found)
