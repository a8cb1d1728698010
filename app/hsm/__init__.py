"""Providers of keys: PKCS#11 tokens behind a child process, and software keys.

- Keys: `token_provider` and `software` are the two providers; `private_key` makes their keys look
  like those of `cryptography`; `public_keys`, `pairs` and `offers` translate what tokens show.
- Key isolation, from its users down: `isolation` gives each library, `isolated_library` is one,
  with its `logins`, `trials` and signatures (`signing`); `supervision` starts and restarts its
  child, `launcher` starts processes, `channel` and `link` carry `messages` to it, `deadlines`
  limit them. What runs on the other side is in `child`.
- Words: `library_file` and `loading` say why a library does not load, `faults` and `sentences`
  what an answer means; `initialisation` checks what cannot be undone.
- Secrets: `secret_store` asks `keyring_store`, `credentials` and `secret_file` in their order;
  `durable` writes files.
- `chrystoki` reads and changes the configuration of Luna clients.
"""
