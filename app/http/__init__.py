"""The HTTP server: limits, timeouts and routes to handlers that are passed in."""
