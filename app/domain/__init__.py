"""Frozen records, enumerations, typed ids, errors and small protocols that every layer shares."""
