"""Security libraries, registered slots, key storage providers and the keys in them.

The services, and what each is made of:

- `libraries` registers, tests, disables and reloads libraries: `found_libraries`, `known_products`
  and `p11kit_modules` look for files, `vendors` names them, `library_records` holds what a test
  says, `loading` keeps the libraries of this process to what any process has decided.
- `slots` registers slots for accounts, on top of `slot_views`, which opens no token:
  `slot_trials` tries a password, `slot_passwords` and `ledger` keep it, `slot_sheet` and
  `prerequisites` tell what is known, `exposure` warns, `rebinding` moves to another token.
- `tokens` changes PINs and reads memory and mechanisms.
- `keys` lists, makes, tests, names and deletes keys: `usage` and `key_certificates` say whose they
  are, `key_holders` opens their token, `key_test` has them sign, `retiring` deletes what is past.
- `providers` lists what keys can be made in: `legacy` registers the legacy ones, `legacy_names`
  and `legacy_provider` are how they appear.
- `key_access` is how everybody else opens a key, as an account and with its `stored_pin`.
"""
