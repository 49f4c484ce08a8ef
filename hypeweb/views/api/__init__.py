"""The REST interface under /api/v1/: one module per stage, JSON in, JSON out."""
