"""Figures: plain data in, bytes of SVG, PDF and PNG out; only the worker draws."""
