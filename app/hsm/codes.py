"""Numbers of the PKCS#11 standard that both sides of the key isolation use (PKCS#11 2.40)."""

from __future__ import annotations

from typing import Final

# Mechanisms (CKM)
RSA_PKCS_KEY_PAIR_GEN: Final = 0x00
RSA_PKCS: Final = 0x01
RSA_X9_31_KEY_PAIR_GEN: Final = 0x0A
RSA_PKCS_PSS: Final = 0x0D
DSA_KEY_PAIR_GEN: Final = 0x10
DSA: Final = 0x11
EC_KEY_PAIR_GEN: Final = 0x1040
ECDSA: Final = 0x1041
EC_EDWARDS_KEY_PAIR_GEN: Final = 0x1055  # PKCS#11 3.0
EDDSA: Final = 0x1057  # PKCS#11 3.0
# Thales Luna: in FIPS mode it refuses CKM_RSA_PKCS_KEY_PAIR_GEN.
LUNA_RSA_FIPS_186_3_AUX_PRIME: Final = 0x80000142
LUNA_RSA_FIPS_186_3_PRIME: Final = 0x80000143

RSA_GENERATION: Final = (
    RSA_PKCS_KEY_PAIR_GEN,
    LUNA_RSA_FIPS_186_3_AUX_PRIME,
    LUNA_RSA_FIPS_186_3_PRIME,
    RSA_X9_31_KEY_PAIR_GEN,
)

# By kind of key; in the order in which they are tried, those that the token offers.
GENERATION: Final = {
    "RSA": RSA_GENERATION,
    "DSA": (DSA_KEY_PAIR_GEN,),
    "EC": (EC_KEY_PAIR_GEN,),
    "EDWARDS": (EC_EDWARDS_KEY_PAIR_GEN,),
}

# Hashes (CKM) and mask generation functions (CKG), by the name of the hash
HASHES: Final = {
    "SHA1": (0x220, 0x01),
    "SHA256": (0x250, 0x02),
    "SHA384": (0x260, 0x03),
    "SHA512": (0x270, 0x04),
}

# Return values (CKR) on which the code decides
OK: Final = 0x00
SLOT_ID_INVALID: Final = 0x03
CANT_LOCK: Final = 0x0A
FUNCTION_NOT_SUPPORTED: Final = 0x54
PIN_EXPIRED: Final = 0xA3
ATTRIBUTE_READ_ONLY: Final = 0x10
ATTRIBUTE_TYPE_INVALID: Final = 0x12
ATTRIBUTE_VALUE_INVALID: Final = 0x13
ACTION_PROHIBITED: Final = 0x1B
DEVICE_ERROR: Final = 0x30
DEVICE_REMOVED: Final = 0x32
KEY_HANDLE_INVALID: Final = 0x60
KEY_SIZE_RANGE: Final = 0x62
KEY_TYPE_INCONSISTENT: Final = 0x63
KEY_FUNCTION_NOT_PERMITTED: Final = 0x68
MECHANISM_INVALID: Final = 0x70
MECHANISM_PARAM_INVALID: Final = 0x71
OBJECT_HANDLE_INVALID: Final = 0x82
OPERATION_ACTIVE: Final = 0x90
SESSION_CLOSED: Final = 0xB0
SESSION_HANDLE_INVALID: Final = 0xB3
TEMPLATE_INCONSISTENT: Final = 0xD1
TOKEN_NOT_PRESENT: Final = 0xE0
USER_ALREADY_LOGGED_IN: Final = 0x100
USER_NOT_LOGGED_IN: Final = 0x101
USER_TYPE_INVALID: Final = 0x103
DOMAIN_PARAMS_INVALID: Final = 0x130
CURVE_NOT_SUPPORTED: Final = 0x140
BUFFER_TOO_SMALL: Final = 0x150
ALREADY_INITIALIZED: Final = 0x191
FUNCTION_REJECTED: Final = 0x200
VENDOR_DEFINED: Final = 0x80000000  # and above

# Answers to C_Login that mean: not with this PIN
PIN_REFUSALS: Final = (
    "CKR_PIN_INCORRECT",
    "CKR_PIN_INVALID",
    "CKR_PIN_LEN_RANGE",
    "CKR_PIN_EXPIRED",
    "CKR_PIN_LOCKED",
)

# Answers to C_SetPIN: not with this old PIN, and not to this new one.
OLD_PIN_REFUSALS: Final = ("CKR_PIN_INCORRECT", "CKR_PIN_LOCKED")
NEW_PIN_REFUSALS: Final = ("CKR_PIN_INVALID", "CKR_PIN_LEN_RANGE")

# Answers to C_GenerateKeyPair that mean: this role may not, although it is logged in. The number
# is CKR_USER_NOT_AUTHORIZED of a Luna, the answer to its Crypto User.
ROLE_REFUSALS: Final = (
    "CKR_ACTION_PROHIBITED",
    "CKR_KEY_FUNCTION_NOT_PERMITTED",
    "CKR_SESSION_READ_ONLY",
    "CKR_USER_NOT_LOGGED_IN",
    "CKR_USER_TYPE_INVALID",
    "0x8000001A",
)
# Answers that do not say why.
UNEXPLAINED: Final = ("CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED", "CKR_DEVICE_ERROR")

# Token flags (CKF)
USER_PIN_INITIALIZED: Final = 0x08
PROTECTED_AUTHENTICATION_PATH: Final = 0x100
TOKEN_INITIALIZED: Final = 0x400
USER_PIN_COUNT_LOW: Final = 0x10000
USER_PIN_FINAL_TRY: Final = 0x20000
USER_PIN_LOCKED: Final = 0x40000
USER_PIN_TO_BE_CHANGED: Final = 0x80000
WRITE_PROTECTED: Final = 0x02
# The security officer's flags are those of the user, so many bits further on.
SO_PIN_SHIFT: Final = 4

# Slot flags (CKF)
TOKEN_PRESENT: Final = 0x01

# Mechanism flags (CKF)
MECHANISM_FLAGS: Final = {
    0x00000001: "hardware",
    0x00000100: "encrypt",
    0x00000200: "decrypt",
    0x00000400: "digest",
    0x00000800: "sign",
    0x00001000: "sign_recover",
    0x00002000: "verify",
    0x00004000: "verify_recover",
    0x00008000: "generate",
    0x00010000: "generate_key_pair",
    0x00020000: "wrap",
    0x00040000: "unwrap",
    0x00080000: "derive",
}

# Attributes (CKA)
CLASS: Final = 0x00
TOKEN: Final = 0x01
PRIVATE: Final = 0x02
LABEL: Final = 0x03
VALUE: Final = 0x11
KEY_TYPE: Final = 0x100
ID: Final = 0x102
SENSITIVE: Final = 0x103
ENCRYPT: Final = 0x104
DECRYPT: Final = 0x105
WRAP: Final = 0x106
UNWRAP: Final = 0x107
SIGN: Final = 0x108
VERIFY: Final = 0x10A
MODULUS: Final = 0x120
MODULUS_BITS: Final = 0x121
PUBLIC_EXPONENT: Final = 0x122
PUBLIC_KEY_INFO: Final = 0x129
PRIME: Final = 0x130
SUBPRIME: Final = 0x131
BASE: Final = 0x132
EXTRACTABLE: Final = 0x162
LOCAL: Final = 0x163
EC_PARAMS: Final = 0x180
EC_POINT: Final = 0x181
ALWAYS_AUTHENTICATE: Final = 0x202

#: For messages about templates; those that new keys are made with.
ATTRIBUTE_NAMES: Final = {
    TOKEN: "CKA_TOKEN",
    PRIVATE: "CKA_PRIVATE",
    LABEL: "CKA_LABEL",
    ID: "CKA_ID",
    SENSITIVE: "CKA_SENSITIVE",
    ENCRYPT: "CKA_ENCRYPT",
    DECRYPT: "CKA_DECRYPT",
    WRAP: "CKA_WRAP",
    UNWRAP: "CKA_UNWRAP",
    SIGN: "CKA_SIGN",
    VERIFY: "CKA_VERIFY",
    MODULUS_BITS: "CKA_MODULUS_BITS",
    PUBLIC_EXPONENT: "CKA_PUBLIC_EXPONENT",
    PRIME: "CKA_PRIME",
    SUBPRIME: "CKA_SUBPRIME",
    BASE: "CKA_BASE",
    EXTRACTABLE: "CKA_EXTRACTABLE",
    EC_PARAMS: "CKA_EC_PARAMS",
}

# Values
PUBLIC_KEY: Final = 2
PRIVATE_KEY: Final = 3
KEY_TYPES: Final = {"RSA": 0x00, "DSA": 0x01, "EC": 0x03, "EDWARDS": 0x40}
SERIAL_SESSION: Final = 0x04
RW_PUBLIC_SESSION: Final = 2
RW_SESSION: Final = 0x02
OS_LOCKING_OK: Final = 0x02
SECURITY_OFFICER: Final = 0
USER: Final = 1
CONTEXT_SPECIFIC: Final = 2
