"""How pairs are found: a random start, exact completion, exact costs, search and mixing. All of it works on
numbers."""
