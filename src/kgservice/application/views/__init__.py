"""The views that queries read: the one of everything, and one for each purpose."""
