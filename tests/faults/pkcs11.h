/* The part of PKCS#11 2.40 that the fault module needs, written for it. */
#ifndef SEALKEEPER_FAULTS_PKCS11_H
#define SEALKEEPER_FAULTS_PKCS11_H

typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;
typedef unsigned char CK_BYTE;

#define CKR_OK 0x000UL
#define CKR_GENERAL_ERROR 0x005UL
#define CKR_ARGUMENTS_BAD 0x007UL
#define CKR_CANT_LOCK 0x00AUL
#define CKR_ATTRIBUTE_SENSITIVE 0x011UL
#define CKR_ATTRIBUTE_TYPE_INVALID 0x012UL
#define CKR_DEVICE_ERROR 0x030UL
#define CKR_DEVICE_MEMORY 0x031UL
#define CKR_DEVICE_REMOVED 0x032UL
#define CKR_MECHANISM_INVALID 0x070UL
#define CKR_PIN_INCORRECT 0x0A0UL
#define CKR_PIN_LOCKED 0x0A4UL
#define CKR_TEMPLATE_INCONSISTENT 0x0D1UL
#define CKR_TOKEN_NOT_PRESENT 0x0E0UL
#define CKR_USER_NOT_LOGGED_IN 0x101UL
#define CKR_USER_ANOTHER_ALREADY_LOGGED_IN 0x104UL
#define CKR_BUFFER_TOO_SMALL 0x150UL
#define CKR_CRYPTOKI_ALREADY_INITIALIZED 0x191UL

#define CKF_OS_LOCKING_OK 0x2UL
#define CKF_TOKEN_PRESENT 0x1UL
#define CKF_USER_PIN_INITIALIZED 0x8UL
#define CKF_PROTECTED_AUTHENTICATION_PATH 0x100UL
#define CKF_TOKEN_INITIALIZED 0x400UL
#define CKF_USER_PIN_COUNT_LOW 0x10000UL
#define CKF_USER_PIN_FINAL_TRY 0x20000UL
#define CKF_USER_PIN_LOCKED 0x40000UL

#define CKU_SO 0UL
#define CKU_USER 1UL
#define CKU_CONTEXT_SPECIFIC 2UL
#define CKS_RO_USER_FUNCTIONS 1UL
#define CKS_RW_USER_FUNCTIONS 3UL
#define CKS_RW_SO_FUNCTIONS 4UL

#define CKO_PUBLIC_KEY 2UL
#define CKO_PRIVATE_KEY 3UL

#define CKA_CLASS 0x000UL
#define CKA_PRIVATE 0x002UL
#define CKA_LABEL 0x003UL
#define CKA_ID 0x102UL
#define CKA_ENCRYPT 0x104UL
#define CKA_DECRYPT 0x105UL
#define CKA_WRAP 0x106UL
#define CKA_UNWRAP 0x107UL
#define CKA_DERIVE 0x10CUL
#define CKA_MODULUS 0x120UL
#define CKA_PUBLIC_EXPONENT 0x122UL
#define CKA_PUBLIC_KEY_INFO 0x129UL
#define CKA_EC_PARAMS 0x180UL
#define CKA_EC_POINT 0x181UL
#define CKA_ALWAYS_AUTHENTICATE 0x202UL

#define CKM_RSA_PKCS_KEY_PAIR_GEN 0x00UL
#define CKM_RSA_PKCS 0x01UL
/* Thales Luna's mechanism of generating RSA keys after FIPS 186-3. */
#define CKM_LUNA_RSA_FIPS_186_3 0x80000142UL

#define UNAVAILABLE ((CK_ULONG)-1)

struct ck_attribute {
    CK_ULONG type;
    void *value;
    CK_ULONG length;
};

struct ck_mechanism {
    CK_ULONG mechanism;
    void *parameter;
    CK_ULONG length;
};

struct ck_initialize_args {
    void *mutex_functions[4];
    CK_ULONG flags;
    void *reserved;
};

struct ck_slot_info {
    CK_BYTE description[64], manufacturer[32];
    CK_ULONG flags;
    CK_BYTE versions[4];
};

struct ck_token_info {
    CK_BYTE label[32], manufacturer[32], model[16], serial[16];
    CK_ULONG flags, counters[10];
    CK_BYTE versions[4], time[16];
};

struct ck_session_info {
    CK_ULONG slot, state, flags, device_error;
};

struct ck_function_list {
    CK_BYTE version[2];
    void (*functions[68])(void);
};

/*
 * The functions in the order of CK_FUNCTION_LIST: what their first parameter is (NONE, SLOT or
 * SESSION), name, what is called for them (real_… where nothing is changed), parameters and
 * arguments.
 */
#define FUNCTIONS(_) \
    _(NONE, C_Initialize, initialize, (struct ck_initialize_args *given), (given)) \
    _(NONE, C_Finalize, finalize, (void *reserved), (reserved)) \
    _(NONE, C_GetInfo, real_C_GetInfo, (void *info), (info)) \
    _(NONE, C_GetFunctionList, real_C_GetFunctionList, (struct ck_function_list **list), (list)) \
    _(NONE, C_GetSlotList, get_slot_list, (CK_BYTE present, CK_ULONG *list, CK_ULONG *count), \
      (present, list, count)) \
    _(SLOT, C_GetSlotInfo, get_slot_info, (CK_ULONG slot, struct ck_slot_info *info), \
      (slot, info)) \
    _(SLOT, C_GetTokenInfo, get_token_info, (CK_ULONG slot, struct ck_token_info *info), \
      (slot, info)) \
    _(SLOT, C_GetMechanismList, get_mechanism_list, \
      (CK_ULONG slot, CK_ULONG *list, CK_ULONG *count), (slot, list, count)) \
    _(SLOT, C_GetMechanismInfo, get_mechanism_info, \
      (CK_ULONG slot, CK_ULONG mechanism, void *info), (slot, mechanism, info)) \
    _(SLOT, C_InitToken, real_C_InitToken, \
      (CK_ULONG slot, CK_BYTE *pin, CK_ULONG length, CK_BYTE *label), \
      (slot, pin, length, label)) \
    _(SESSION, C_InitPIN, real_C_InitPIN, (CK_ULONG session, CK_BYTE *pin, CK_ULONG length), \
      (session, pin, length)) \
    _(SESSION, C_SetPIN, real_C_SetPIN, \
      (CK_ULONG session, CK_BYTE *old, CK_ULONG old_length, CK_BYTE *pin, CK_ULONG length), \
      (session, old, old_length, pin, length)) \
    _(SLOT, C_OpenSession, open_session, \
      (CK_ULONG slot, CK_ULONG flags, void *application, void *notify, CK_ULONG *session), \
      (slot, flags, application, notify, session)) \
    _(SESSION, C_CloseSession, close_session, (CK_ULONG session), (session)) \
    _(SLOT, C_CloseAllSessions, close_all_sessions, (CK_ULONG slot), (slot)) \
    _(SESSION, C_GetSessionInfo, get_session_info, \
      (CK_ULONG session, struct ck_session_info *info), (session, info)) \
    _(SESSION, C_GetOperationState, real_C_GetOperationState, \
      (CK_ULONG session, CK_BYTE *state, CK_ULONG *length), \
      (session, state, length)) \
    _(SESSION, C_SetOperationState, real_C_SetOperationState, \
      (CK_ULONG session, CK_BYTE *state, CK_ULONG length, CK_ULONG key, CK_ULONG other), \
      (session, state, length, key, other)) \
    _(SESSION, C_Login, login, \
      (CK_ULONG session, CK_ULONG user, CK_BYTE *pin, CK_ULONG length), \
      (session, user, pin, length)) \
    _(SESSION, C_Logout, logout, (CK_ULONG session), (session)) \
    _(SESSION, C_CreateObject, real_C_CreateObject, \
      (CK_ULONG session, struct ck_attribute *template, CK_ULONG count, CK_ULONG *object), \
      (session, template, count, object)) \
    _(SESSION, C_CopyObject, real_C_CopyObject, \
      (CK_ULONG session, CK_ULONG object, struct ck_attribute *template, CK_ULONG count, \
       CK_ULONG *copy), \
      (session, object, template, count, copy)) \
    _(SESSION, C_DestroyObject, real_C_DestroyObject, \
      (CK_ULONG session, CK_ULONG object), (session, object)) \
    _(SESSION, C_GetObjectSize, real_C_GetObjectSize, \
      (CK_ULONG session, CK_ULONG object, CK_ULONG *size), \
      (session, object, size)) \
    _(SESSION, C_GetAttributeValue, get_attribute_value, \
      (CK_ULONG session, CK_ULONG object, struct ck_attribute *template, CK_ULONG count), \
      (session, object, template, count)) \
    _(SESSION, C_SetAttributeValue, real_C_SetAttributeValue, \
      (CK_ULONG session, CK_ULONG object, struct ck_attribute *template, CK_ULONG count), \
      (session, object, template, count)) \
    _(SESSION, C_FindObjectsInit, find_objects_init, \
      (CK_ULONG session, struct ck_attribute *template, CK_ULONG count), \
      (session, template, count)) \
    _(SESSION, C_FindObjects, find_objects, \
      (CK_ULONG session, CK_ULONG *list, CK_ULONG room, CK_ULONG *count), \
      (session, list, room, count)) \
    _(SESSION, C_FindObjectsFinal, real_C_FindObjectsFinal, (CK_ULONG session), (session)) \
    _(SESSION, C_EncryptInit, real_C_EncryptInit, INIT_PARAMETERS, (session, mechanism, key)) \
    _(SESSION, C_Encrypt, real_C_Encrypt, ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_EncryptUpdate, real_C_EncryptUpdate, \
      ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_EncryptFinal, real_C_EncryptFinal, END_PARAMETERS, (session, result, length)) \
    _(SESSION, C_DecryptInit, real_C_DecryptInit, INIT_PARAMETERS, (session, mechanism, key)) \
    _(SESSION, C_Decrypt, real_C_Decrypt, ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_DecryptUpdate, real_C_DecryptUpdate, \
      ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_DecryptFinal, real_C_DecryptFinal, END_PARAMETERS, (session, result, length)) \
    _(SESSION, C_DigestInit, real_C_DigestInit, \
      (CK_ULONG session, struct ck_mechanism *mechanism), \
      (session, mechanism)) \
    _(SESSION, C_Digest, real_C_Digest, ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_DigestUpdate, real_C_DigestUpdate, \
      (CK_ULONG session, CK_BYTE *data, CK_ULONG size), \
      (session, data, size)) \
    _(SESSION, C_DigestKey, real_C_DigestKey, (CK_ULONG session, CK_ULONG key), (session, key)) \
    _(SESSION, C_DigestFinal, real_C_DigestFinal, END_PARAMETERS, (session, result, length)) \
    _(SESSION, C_SignInit, sign_init, INIT_PARAMETERS, (session, mechanism, key)) \
    _(SESSION, C_Sign, sign_once, ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_SignUpdate, real_C_SignUpdate, (CK_ULONG session, CK_BYTE *data, CK_ULONG size), \
      (session, data, size)) \
    _(SESSION, C_SignFinal, real_C_SignFinal, END_PARAMETERS, (session, result, length)) \
    _(SESSION, C_SignRecoverInit, real_C_SignRecoverInit, \
      INIT_PARAMETERS, (session, mechanism, key)) \
    _(SESSION, C_SignRecover, real_C_SignRecover, \
      ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_VerifyInit, real_C_VerifyInit, INIT_PARAMETERS, (session, mechanism, key)) \
    _(SESSION, C_Verify, real_C_Verify, \
      (CK_ULONG session, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG length), \
      (session, data, size, signature, length)) \
    _(SESSION, C_VerifyUpdate, real_C_VerifyUpdate, \
      (CK_ULONG session, CK_BYTE *data, CK_ULONG size), \
      (session, data, size)) \
    _(SESSION, C_VerifyFinal, real_C_VerifyFinal, \
      (CK_ULONG session, CK_BYTE *signature, CK_ULONG length), \
      (session, signature, length)) \
    _(SESSION, C_VerifyRecoverInit, real_C_VerifyRecoverInit, \
      INIT_PARAMETERS, (session, mechanism, key)) \
    _(SESSION, C_VerifyRecover, real_C_VerifyRecover, \
      ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_DigestEncryptUpdate, real_C_DigestEncryptUpdate, ONE_PARAMETERS, \
      (session, data, size, result, length)) \
    _(SESSION, C_DecryptDigestUpdate, real_C_DecryptDigestUpdate, ONE_PARAMETERS, \
      (session, data, size, result, length)) \
    _(SESSION, C_SignEncryptUpdate, real_C_SignEncryptUpdate, \
      ONE_PARAMETERS, (session, data, size, result, length)) \
    _(SESSION, C_DecryptVerifyUpdate, real_C_DecryptVerifyUpdate, ONE_PARAMETERS, \
      (session, data, size, result, length)) \
    _(SESSION, C_GenerateKey, real_C_GenerateKey, \
      (CK_ULONG session, struct ck_mechanism *mechanism, struct ck_attribute *template, \
       CK_ULONG count, CK_ULONG *key), \
      (session, mechanism, template, count, key)) \
    _(SESSION, C_GenerateKeyPair, generate_key_pair, \
      (CK_ULONG session, struct ck_mechanism *mechanism, struct ck_attribute *public_template, \
       CK_ULONG public_count, struct ck_attribute *private_template, CK_ULONG private_count, \
       CK_ULONG *public_key, CK_ULONG *private_key), \
      (session, mechanism, public_template, public_count, private_template, private_count, \
       public_key, private_key)) \
    _(SESSION, C_WrapKey, real_C_WrapKey, \
      (CK_ULONG session, struct ck_mechanism *mechanism, CK_ULONG wrapping, CK_ULONG key, \
       CK_BYTE *wrapped, CK_ULONG *length), \
      (session, mechanism, wrapping, key, wrapped, length)) \
    _(SESSION, C_UnwrapKey, real_C_UnwrapKey, \
      (CK_ULONG session, struct ck_mechanism *mechanism, CK_ULONG unwrapping, CK_BYTE *wrapped, \
       CK_ULONG length, struct ck_attribute *template, CK_ULONG count, CK_ULONG *key), \
      (session, mechanism, unwrapping, wrapped, length, template, count, key)) \
    _(SESSION, C_DeriveKey, real_C_DeriveKey, \
      (CK_ULONG session, struct ck_mechanism *mechanism, CK_ULONG base, \
       struct ck_attribute *template, CK_ULONG count, CK_ULONG *key), \
      (session, mechanism, base, template, count, key)) \
    _(SESSION, C_SeedRandom, real_C_SeedRandom, \
      (CK_ULONG session, CK_BYTE *seed, CK_ULONG length), \
      (session, seed, length)) \
    _(SESSION, C_GenerateRandom, real_C_GenerateRandom, \
      (CK_ULONG session, CK_BYTE *random, CK_ULONG length), \
      (session, random, length)) \
    _(SESSION, C_GetFunctionStatus, real_C_GetFunctionStatus, (CK_ULONG session), (session)) \
    _(SESSION, C_CancelFunction, real_C_CancelFunction, (CK_ULONG session), (session)) \
    _(NONE, C_WaitForSlotEvent, real_C_WaitForSlotEvent, \
      (CK_ULONG flags, CK_ULONG *slot, void *reserved), \
      (flags, slot, reserved))

#define INIT_PARAMETERS (CK_ULONG session, struct ck_mechanism *mechanism, CK_ULONG key)
#define ONE_PARAMETERS \
    (CK_ULONG session, CK_BYTE *data, CK_ULONG size, CK_BYTE *result, CK_ULONG *length)
#define END_PARAMETERS (CK_ULONG session, CK_BYTE *result, CK_ULONG *length)

#endif
