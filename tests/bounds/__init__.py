"""Bounds on time, run by `make bounds` alone.

Two more stand beside what they belong to: that a signature in flight survives `kill -9` of its
isolation process within two seconds (`tests/hsm/test_isolation.py`, in every run), and that a
million rows are selected in a tenth of a second (`tests/gui/test_tables.py`).
"""
