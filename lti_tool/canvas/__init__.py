"""Canvas over HTTP: transport, pacing, OAuth, typed endpoints. Knows neither database nor LTI nor Flask."""
