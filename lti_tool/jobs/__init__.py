"""The queue that rings and the worker that answers. The truth is the run journal; a ring may be lost."""
