"""The use cases that the console, the command line and the schedules call; free of Qt."""
