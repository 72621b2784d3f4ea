"""A trained model made fast for searching, in compiled code."""
