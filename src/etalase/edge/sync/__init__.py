"""The sync engine: pull, plan, fetch, publish, settle, reconcile, led by :mod:`etalase.edge.sync.run`."""
