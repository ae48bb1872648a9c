"""LTI 1.3: registrations, login and launch, sessions, the tool's own keys. Knows neither Flask nor tables.

What is used of the library (pylti1p3next, imported as ``pylti1p3``): the tool-configuration seam, the
deployment check and the message validators. State, nonce and signature are checked here, because the
library accepts replayed tokens and tokens without ``exp`` (measured; docs/lti.md).
"""
