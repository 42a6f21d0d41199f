"""What runs the course: commands, grading, authors' tools. No lesson imports it."""
