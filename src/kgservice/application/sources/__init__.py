"""What CRMs bring: runs of sources and of the matching, and what is taken over of their records."""
