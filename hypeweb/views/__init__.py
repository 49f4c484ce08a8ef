"""Pages and addresses, one module per stage."""
