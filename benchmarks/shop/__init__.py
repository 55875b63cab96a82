"""The shop of the examples under load: its processes and its traffic, with figures of both."""
