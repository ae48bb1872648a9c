"""Tables, sessions and repositories. Knows SQLAlchemy; knows neither Canvas nor LTI nor Flask."""
