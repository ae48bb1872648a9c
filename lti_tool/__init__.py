"""The LTI tool: everything between Canvas and the allocation engine."""
