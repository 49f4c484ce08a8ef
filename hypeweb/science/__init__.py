"""The statistics of human judgments: numpy and scipy only, no web, no database."""
