"""Strangers' ONNX files, read and run in a process that may die of them."""
