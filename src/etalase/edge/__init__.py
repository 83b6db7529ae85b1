"""The edge server: pulls photos from head office into its own object store, and shows them on the store's POS."""
