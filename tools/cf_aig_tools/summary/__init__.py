"""What many calls add up to: figures in groups, when they changed, and causes of failure."""
