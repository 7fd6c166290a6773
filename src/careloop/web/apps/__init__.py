"""Pages about SMART apps: what one asks for, which ones somebody allowed, and which may ask at all."""
