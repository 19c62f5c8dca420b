"""Events: callbacks that are called when something happens."""
