"""Logs of messages: writing, reading, recording and replaying them."""
