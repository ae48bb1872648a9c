"""Schema migrations (Alembic). They never import the application: history stays as it was."""
