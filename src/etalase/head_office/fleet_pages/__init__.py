"""The pages of the fleet below ``/fleet/``: rendered on the server, usable without scripts."""
