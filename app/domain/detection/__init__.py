"""How drift is found: the decisions of the detect role."""
