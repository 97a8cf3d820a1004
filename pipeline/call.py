"""One call, from decoded sound to the finished analysis: every stage in the order it runs."""
