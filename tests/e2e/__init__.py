"""Whole journeys: a person, a real browser, the simulated Canvas, the tool and its worker."""
