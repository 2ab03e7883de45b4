"""Torch modules that torch lacks, one file each: the generator copies their text into modules."""
