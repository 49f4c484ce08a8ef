"""The errors a caller of the metrics can meet."""


class MetricsError(ValueError):
    """A caller's mistake, told in one sentence with what to do about it."""


class BrokenImageError(MetricsError):
    """One image of a source cannot be used; the others may be fine."""
