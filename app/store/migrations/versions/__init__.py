"""One module a migration, in the order of their numbers; none imports the current tables."""
