"""Stand-ins for providers: real servers on loopback that behave as the vendors' documents say.

`frame` is what they share: one server for all, requests kept as they came, jobs that run their
course, and ways to misbehave. Each other module is one vendor, and ends with a `CONTRACT` where
the tests of all providers apply to it.
"""
