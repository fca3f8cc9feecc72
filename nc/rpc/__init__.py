"""The protocol operations, by family: a function for each."""
