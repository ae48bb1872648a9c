"""Schema migrations (Alembic). They never import the application's tables, so that history stays as it was."""
