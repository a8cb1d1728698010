"""The Qt console, the only package that imports PySide6."""
