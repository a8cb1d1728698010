"""What the answers of PKCS#11 mean, in sentences for administrators."""

from __future__ import annotations

Sentences = tuple[str, str, str]

_CHECK_DEVICE = "Check the HSM and its connection, then try again."
ASK_VENDOR = "Read the library's own log, and check its configuration with the vendor's tools."

# CKR name: what happened, why it probably did, what to do.
SENTENCES: dict[str, Sentences] = {
    "CKR_PIN_INCORRECT": (
        "The token refused the PIN.",
        "The PIN is wrong; it will not be tried again by itself.",
        "Enter the PIN anew.",
    ),
    "CKR_PIN_INVALID": (
        "The token refused the PIN as malformed.",
        "It holds characters that the token does not accept.",
        "Enter the PIN anew.",
    ),
    "CKR_PIN_LEN_RANGE": (
        "The PIN is too short or too long for the token.",
        "",
        "Enter a PIN of the length that the token accepts.",
    ),
    "CKR_PIN_EXPIRED": (
        "The PIN has expired.",
        "The token wants a new PIN before it is used again.",
        "Change the PIN with the vendor's tool, then enter it.",
    ),
    "CKR_PIN_LOCKED": (
        "The PIN is locked.",
        "A wrong PIN was entered too often.",
        "The security officer of the token has to unlock it.",
    ),
    "CKR_USER_PIN_NOT_INITIALIZED": (
        "The token has no user PIN yet.",
        "It was initialised by the security officer only.",
        "Set the user PIN with the vendor's tool.",
    ),
    "CKR_USER_NOT_LOGGED_IN": (
        "The token says that nobody is logged in.",
        "The session was closed by the HSM, or the key asks for its PIN at each use.",
        "Try again; if it stays, log in to the slot anew.",
    ),
    "CKR_USER_ANOTHER_ALREADY_LOGGED_IN": (
        "Another user is logged in to the token.",
        "The security officer is logged in through the same library.",
        "Start Sealkeeper again.",
    ),
    "CKR_USER_TOO_MANY_TYPES": (
        "The token cannot have another kind of user logged in.",
        "The security officer is logged in.",
        "Start Sealkeeper again.",
    ),
    "CKR_DEVICE_ERROR": (
        "The HSM reported an error of the device.",
        "Its network connection or the HSM itself has a problem.",
        _CHECK_DEVICE,
    ),
    "CKR_DEVICE_MEMORY": (
        "The token has no memory left.",
        "Too many keys are stored on it.",
        "Delete keys that are not needed, or use another slot.",
    ),
    "CKR_DEVICE_REMOVED": (
        "The token was removed.",
        "It was pulled out, or the connection to the HSM was lost.",
        _CHECK_DEVICE,
    ),
    "CKR_TOKEN_NOT_PRESENT": (
        "There is no token in the slot.",
        "It was removed, or the connection to the HSM was lost.",
        _CHECK_DEVICE,
    ),
    "CKR_TOKEN_NOT_RECOGNIZED": (
        "The library does not recognise the token.",
        "The token is of another make, or is not initialised.",
        "Use the library of the token's vendor.",
    ),
    "CKR_TOKEN_WRITE_PROTECTED": (
        "The token is write-protected.",
        "",
        "Remove the write protection with the vendor's tool.",
    ),
    "CKR_SESSION_READ_ONLY": (
        "The token does not accept changes in this session.",
        "The token is write-protected or the user may only read.",
        "Check the rights of the user on the HSM.",
    ),
    "CKR_SESSION_COUNT": (
        "The token does not allow another session.",
        "Too many programs use it.",
        "End other programs that use the token, then try again.",
    ),
    "CKR_SESSION_HANDLE_INVALID": (
        "The HSM closed the session.",
        "It was idle for too long, or the HSM was restarted.",
        _CHECK_DEVICE,
    ),
    "CKR_SESSION_CLOSED": (
        "The HSM closed the session.",
        "It was idle for too long, or the HSM was restarted.",
        _CHECK_DEVICE,
    ),
    "CKR_SLOT_ID_INVALID": (
        "The slot does not exist any more.",
        "Slots were added or removed since they were listed.",
        "List the slots again, and choose anew.",
    ),
    "CKR_MECHANISM_INVALID": (
        "The token cannot do this kind of key or signature.",
        "It does not offer the mechanism, or a policy such as FIPS mode forbids it.",
        "Choose another algorithm; the slot's mechanism list shows what it can do.",
    ),
    "CKR_MECHANISM_PARAM_INVALID": (
        "The token refused the parameters of the signature.",
        "It supports the mechanism only with other hashes or salt lengths.",
        "Choose another hash algorithm.",
    ),
    "CKR_KEY_SIZE_RANGE": (
        "The token does not offer keys of this size.",
        "",
        "Choose another size; the slot's mechanism list shows the limits.",
    ),
    "CKR_KEY_FUNCTION_NOT_PERMITTED": (
        "The token does not let this key sign.",
        "The key was made for another purpose.",
        "Use a key that was generated for signing.",
    ),
    "CKR_KEY_TYPE_INCONSISTENT": (
        "The key is of another type than the signature needs.",
        "",
        "Use a key of the right algorithm.",
    ),
    "CKR_TEMPLATE_INCONSISTENT": (
        "The token refused the attributes of the new key.",
        "Its policy demands others.",
        ASK_VENDOR,
    ),
    "CKR_TEMPLATE_INCOMPLETE": (
        "The token asks for more attributes of the new key.",
        "Its policy demands them.",
        ASK_VENDOR,
    ),
    "CKR_ATTRIBUTE_VALUE_INVALID": (
        "The token refused an attribute of the new key.",
        "It does not support the curve or the size.",
        "Choose another algorithm or size.",
    ),
    "CKR_CURVE_NOT_SUPPORTED": (
        "The token does not support the curve.",
        "",
        "Choose another algorithm.",
    ),
    "CKR_HOST_MEMORY": (
        "The library ran out of memory.",
        "This machine has too little memory free.",
        "Close other programs, then try again.",
    ),
    "CKR_FUNCTION_NOT_SUPPORTED": (
        "The library does not offer this function.",
        "",
        "Use the vendor's tool for this step.",
    ),
    "CKR_FUNCTION_FAILED": (
        "The library could not do it and does not say why.",
        "Often the HSM cannot be reached or the library's configuration is wrong.",
        ASK_VENDOR,
    ),
    "CKR_GENERAL_ERROR": (
        "The library reported a general error and does not say why.",
        "Often its configuration is missing or wrong, or its data are closed to this account.",
        ASK_VENDOR,
    ),
    "CKR_CRYPTOKI_NOT_INITIALIZED": (
        "The library says that it is not initialised.",
        "It lost its connection to the HSM.",
        "Check the HSM and its connection, then start Sealkeeper again.",
    ),
    "CKR_ARGUMENTS_BAD": (
        "The library refused how it was called.",
        "The initialisation string may be wrong.",
        "Check how the library was registered.",
    ),
}

#: For a refusal of C_GenerateKeyPair to a role that is logged in.
NO_GENERATION: Sentences = (
    "This role may sign with the token's keys, but not generate keys.",
    (
        "The slot is registered with such a role: on a Luna partition it is the Crypto User. So a "
        "renewal cannot make a new key."
    ),
    (
        "Register the slot with the password of a role that may generate keys, on a Luna partition "
        "the Crypto Officer, or generate the key with the vendor's tool."
    ),
)
#: For the security officer's PIN.
OFFICERS_PIN_REFUSED: Sentences = (
    "The token refused the security officer's PIN.",
    "The PIN is wrong; it will not be tried again by itself.",
    "Enter the security officer's PIN anew; some tokens erase themselves after a few wrong ones.",
)
OFFICERS_PIN_LOCKED: Sentences = (
    "The security officer's PIN is locked.",
    "A wrong PIN was entered too often.",
    "The token has to be initialised anew, or unlocked with the vendor's tool.",
)
#: For a new PIN that a token does not take.
NEW_PIN_REFUSED: Sentences = (
    "The token refused the new PIN.",
    (
        "It is too short, too long, too simple or has been used before, or holds characters "
        "that the token does not take."
    ),
    "Choose another PIN; the old one is still in force.",
)
