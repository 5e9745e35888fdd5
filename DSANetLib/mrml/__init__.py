"""A case in a Slicer scene: the run as a sequence, its masks frame by frame, its tables; written and read."""
