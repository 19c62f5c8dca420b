"""Messages: dictionaries of a declared type."""
