"""Train your own: a user's examples become an adapter of the running engine."""
