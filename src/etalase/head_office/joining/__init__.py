"""Lets a store's machine join by a one-time code: invitations, their use, and the throttle of guesses."""
