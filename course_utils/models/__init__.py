"""The models of the course, one family a module."""
