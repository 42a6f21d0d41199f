"""What authors run on the notebooks; learners never need it."""
