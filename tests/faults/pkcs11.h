/* The part of PKCS#11 2.40 that the fault module needs, written for it. */
#ifndef SEALKEEPER_FAULTS_PKCS11_H
#define SEALKEEPER_FAULTS_PKCS11_H

typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;
typedef unsigned char CK_BYTE;

#define CKR_OK 0x000UL
#define CKR_CANT_LOCK 0x00AUL
#define CKR_PIN_INCORRECT 0x0A0UL
#define CKR_PIN_LOCKED 0x0A4UL
#define CKR_BUFFER_TOO_SMALL 0x150UL

#define CKF_OS_LOCKING_OK 0x2UL
#define CKF_USER_PIN_COUNT_LOW 0x10000UL
#define CKF_USER_PIN_FINAL_TRY 0x20000UL
#define CKF_USER_PIN_LOCKED 0x40000UL

#define CKU_USER 1UL

struct ck_initialize_args {
    void *mutex_functions[4];
    CK_ULONG flags;
    void *reserved;
};

/* CK_TOKEN_INFO up to its flags: label, manufacturer, model and serial number come before. */
struct ck_token_info {
    CK_BYTE texts[32 + 32 + 16 + 16];
    CK_ULONG flags;
};

/* CK_FUNCTION_LIST as a version and its 68 functions in the order of the standard. */
enum {
    C_INITIALIZE = 0,
    C_GET_FUNCTION_LIST = 3,
    C_GET_SLOT_LIST = 4,
    C_GET_TOKEN_INFO = 6,
    C_OPEN_SESSION = 12,
    C_LOGIN = 18,
    C_FIND_OBJECTS_INIT = 26,
    C_SIGN_INIT = 42,
    C_SIGN = 43,
    C_GENERATE_KEY_PAIR = 59,
    FUNCTIONS = 68
};

struct ck_function_list {
    CK_BYTE version[2];
    void *functions[FUNCTIONS];
};

#endif
