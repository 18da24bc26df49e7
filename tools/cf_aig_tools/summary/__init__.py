"""Totals of many calls: figures by group, when they changed, and causes of failure."""
