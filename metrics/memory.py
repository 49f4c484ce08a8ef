"""Tell that memory ran out, in whatever words a library says so."""

import torch

_MESSAGES = ("out of memory", "not enough memory", "can't allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory does not suffice.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    bool
        True for the kinds of Python and torch, and for their words in another kind.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(text in str(error).lower() for text in _MESSAGES)
