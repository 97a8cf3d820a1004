"""What is kept of people, for how long, and how it is removed, provably."""
