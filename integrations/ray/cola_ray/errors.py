"""Errors that say where, what was expected, what was found, and what to do."""


class ColaRayError(Exception):
    """A problem that the caller can mend."""

    def __init__(self, where: str, what: str, *, expected: str = "", found: str = "", fix: str = ""):
        parts = [f"{where}: {what}."]
        parts += [f"{name} {text}." for name, text in (("Expected", expected), ("Found", found)) if text]
        super().__init__(" ".join([*parts, fix] if fix else parts))
        self.fields = dict(where=where, what=what, expected=expected, found=found, fix=fix)

    def __reduce__(self):
        # Exceptions travel between processes.
        fields = dict(self.fields)
        return _rebuild, (type(self), fields.pop("where"), fields.pop("what"), fields)


class CollectiveError(ColaRayError):
    """An all-reduce that did not finish: another worker is gone."""


def _rebuild(kind, where, what, fields):
    return kind(where, what, **fields)


def check_whole(where: str, value, least: int) -> None:
    """Raises ColaRayError unless the value is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        expected = f"a whole number of at least {least}"
        raise ColaRayError(where, "not a valid value", expected=expected, found=repr(value))


def check_name(where: str, value, names) -> None:
    """Raises ColaRayError unless the value is one of the names."""
    if value not in names:
        raise ColaRayError(where, "no such value", expected=", ".join(names), found=repr(value))
