"""From what Canvas said to what would change: snapshot, roster, plan, diff, undo. Pure; no I/O."""
