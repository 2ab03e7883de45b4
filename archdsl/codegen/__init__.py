"""Code written from a network."""
