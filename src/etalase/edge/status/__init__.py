"""Shows the state of this store's photos: facts, a verdict and sentences. It is never "well" while a photo is missing."""
