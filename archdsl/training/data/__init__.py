"""Where images come from: files of each kind, the cache of decoded ones, what is measured."""
