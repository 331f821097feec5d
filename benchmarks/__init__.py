"""What chatkit costs, beside what others cost in the same run."""
