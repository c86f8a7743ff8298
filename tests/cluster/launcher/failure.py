"""The one error that a person is meant to read."""


class Failure(Exception):
    """A sentence that says what failed, with which value, and what to do."""
