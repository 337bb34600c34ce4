"""Measurements of speed, as ratios against a named peer in the same run."""
