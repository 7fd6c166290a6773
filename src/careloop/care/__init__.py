"""Decisions. Pure: frozen facts, `now` and look-ups in; frozen proposals that say what and because out."""
