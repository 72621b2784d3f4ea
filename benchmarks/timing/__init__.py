"""Timing systems side by side: one process each, a slice of work at a time, the machine's own speed beside it.

model      the reference model R: its recipe, and its data as files
limit      what R costs in matrix products
layer      what a search does inside its output layer
machine    how fast the machine multiplies and reads
link       a measured process: takes orders, says what they took
workers    who gives the orders, to several processes in turn
figures    medians and spread, as a table
parts      what is measured
ours       the measured process of Regard
"""
