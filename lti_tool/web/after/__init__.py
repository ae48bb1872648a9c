"""Pages for the time after an allocation: board, reminders, credit."""
