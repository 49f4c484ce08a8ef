"""The rules, one module per stage of the pipeline."""
