"""How this store's photos are: facts, the verdict on them, and the words for it. It never says "well" while one is missing."""
