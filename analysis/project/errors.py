"""How this project fails: errors that say what failed, why, and what to do."""

import difflib


class AnalysisError(Exception):
    """An error whose message says what failed, why, and what to do; one line."""

    exit_code = 1


class InputError(AnalysisError):
    """Something the user gave (file, name, option, image) cannot be used."""

    exit_code = 2


class FetchError(AnalysisError):
    """Something that has to be fetched (photograph, weights) could not be had."""

    exit_code = 3


class PackageError(AnalysisError):
    """A Python package that this needs is not installed; the message says how it is."""


def nearest(name: str, known: list[str]) -> str:
    """A hint for a misspelt name: the nearest known one, or the list of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(known))}"
