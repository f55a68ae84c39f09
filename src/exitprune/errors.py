"""The one error that is a user's to mend; the command line shows it as a sentence, without a traceback."""


class BadInput(ValueError):
    """What was given cannot be used; the message says what was given, what is allowed and where."""
