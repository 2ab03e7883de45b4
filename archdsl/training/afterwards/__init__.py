"""Runs that are over: opened again, judged, and compared."""
