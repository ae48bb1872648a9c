"""Use cases, one transaction each; what the pages, the command line and the jobs call."""
