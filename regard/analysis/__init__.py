"""What trained models are asked about themselves; the answers are tables and files.

shortlist.py  which target tokens a source token may become, from what the model looked at
"""
