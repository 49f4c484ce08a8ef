"""The conventions of other libraries by name, so that their numbers can be met.

Each entry states what the library does where libraries differ; what it does not offer
keeps the published convention. Sources: the libraries' own files at torch-fidelity
0.4.0, pytorch-fid 0.3.0, clean-fid 0.1.35, torchmetrics 1.9.0 and the evaluation of
guided-diffusion ("adm").
"""

from metrics.conventions import PUBLISHED, Conventions
from metrics.errors import MetricsError

PEERS = {
    PUBLISHED.name: PUBLISHED,
    "torch-fidelity": Conventions(
        name="torch-fidelity",
        score_order="shuffled",
        score_shuffle_seed=2020,
        kernel_seed=2020,
        neighbour_extractor="vgg16-fc2",
    ),
    "pytorch-fid": Conventions(
        name="pytorch-fid", resize="pytorch", pixel_range="unit"
    ),
    "clean-fid": Conventions(name="clean-fid", resize="clean"),
    # Its draws are unseeded, so its Inception Score and KID cannot be met exactly.
    "torchmetrics": Conventions(
        name="torchmetrics",
        resize="antialias",
        score_order="shuffled",
        score_split_rule="ceil",
        score_ddof=1,
    ),
    "adm": Conventions(
        name="adm",
        score_split_rule="size",
        score_split_size=5000,
        precision_neighbours=3,
    ),
}


def conventions_of(name: str) -> Conventions:
    """Return the conventions of a library.

    Parameters
    ----------
    name : str
        A key of `PEERS`.

    Returns
    -------
    Conventions
        Its settings.

    Raises
    ------
    MetricsError
        If the library is not known.
    """
    if name not in PEERS:
        raise MetricsError(f"--as must be one of {', '.join(PEERS)}; got {name}")
    return PEERS[name]
