"""Clock, business calendar, zones, ids and the family of errors. Imports nothing of ours."""
