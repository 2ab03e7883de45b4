"""Pieces of training that stand alone, one matter a file.

`emit --train` copies their text into scripts.
"""
