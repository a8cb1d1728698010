"""`sealkeeper quickstart`: the whole job on a token, narrated and verified at the end."""
