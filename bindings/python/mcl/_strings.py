"""Arguments that are one string or several."""
from mcl._compat import string_types


def strings(argument, value):
    """Return the strings that an argument gives, as a tuple: of None, none.

    Args:
        argument (str): its name, for the error.
        value (None, str or collection of str): a list, tuple, set, dict (its keys), and so on.

    Raises:
        TypeError: it is anything else, also what can be iterated only once.
    """
    if value is None:
        return ()
    if isinstance(value, string_types):
        return (value,)
    try:
        if iter(value) is not value:
            several = tuple(value)
            if all(isinstance(each, string_types) for each in several):
                return several
    except TypeError:
        pass
    raise TypeError("'%s' must be a string or a collection of strings, such as a list, not %r"
                    % (argument, value))
