"""Tests of Sealkeeper; the folders mirror those of `app`."""
