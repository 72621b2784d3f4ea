"""Recordings: what is made of their features.

augment    differences over time, masks, and other speeds
"""
