"""The service host: schedules, change feed and supervision around the responder."""
