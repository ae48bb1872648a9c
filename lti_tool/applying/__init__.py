"""Drives one run of one plan to its end over ports; does no I/O of its own."""
