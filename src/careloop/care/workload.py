"""The order of the list and its reasons: danger, clock, promise, silence, routine."""
