"""How halves become records: the decisions of the pair role."""
