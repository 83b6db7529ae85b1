"""What head office knows of its stores: their reports, what these prove, and the state of each store."""
