"""Modules that torch lacks, one file each. The generator copies their text."""
