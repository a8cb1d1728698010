/*
 * A PKCS#11 module that forwards to the library named by FAULT_TARGET and misbehaves as the file
 * named by FAULT_CONTROL says. Calls are written to FAULT_CONTROL.log. The file is looked at
 * before every call; its lines are
 *
 *     SUBJECT ACTION [TEXT]
 *
 * Numbers may be decimal or 0x hexadecimal. The subject is the name of a PKCS#11 function, any:
 *
 *     delay MILLISECONDS    wait, then go on
 *     hang, hang-once       never come back
 *     crash, crash-once     end by a segmentation fault
 *     fail CKR [TIMES]      answer that at once, the first times only where a number is given
 *     answer CKR [TIMES]    do it, and answer that instead of CKR_OK
 *
 * one of these functions:
 *
 *     C_Initialize cant-lock            CKR_CANT_LOCK where locks are asked for
 *     C_Initialize needs-string TEXT    without that string in pReserved: CKR_ARGUMENTS_BAD
 *     C_Initialize needs-variable N=V   without that variable: CKR_GENERAL_ERROR
 *     C_GetSlotList too-small-once      a slot appears between its two calls
 *     C_CloseSession logs-out           with one session closed, no other is logged in any more
 *     C_Login pin-tries N               count wrong PINs, show the flags, lock the PIN
 *     C_Sign wrong, short               spoil the signature
 *     C_Sign primary-fails [TIMES]      the signature is lost with CKR_DEVICE_ERROR; the next
 *                                       one, by another member of the group, is made
 *     C_GenerateKeyPair crash-after     crash once the pair is on the token
 *     C_GenerateKeyPair memory N        room for so many pairs, then CKR_DEVICE_MEMORY
 *     C_GenerateKeyPair officer-only USER-PIN SO-PIN
 *                                       CKR_USER_NOT_LOGGED_IN unless the security officer is
 *     C_GenerateKeyPair refuse-attribute CKA [CKR]
 *                                       CKR_ATTRIBUTE_TYPE_INVALID where a template has it
 *     C_GenerateKeyPair refuse-wide     CKR_TEMPLATE_INCONSISTENT for keys that may do more
 *                                       than sign and verify
 *
 * `token` for every initialised token, or `token:SERIAL` for one by its real serial number:
 *
 *     removed                 no token in the slot, its sessions dead for good
 *     label TEXT, serial TEXT another identity
 *     nul-padded              NUL bytes instead of blanks after its texts
 *     ped PIN                 CKF_PROTECTED_AUTHENTICATION_PATH: C_Login takes a NULL PIN only,
 *                             and the person at the PIN pad enters this one
 *     user-password NAME:PASSWORD PIN
 *                             the PIN that C_Login takes, and the one it stands for
 *     no-pin-flags            CKF_USER_PIN_INITIALIZED is absent
 *     fips                    no CKM_RSA_PKCS_KEY_PAIR_GEN, but Luna's 0x80000142
 *     no-pkcs1                no CKM_RSA_PKCS
 *
 * or one of these:
 *
 *     slots shift N           all slot numbers are so much higher
 *     slots placeholders N    so many empty slots more
 *     sessions lose           the sessions that are open in a process when it sees this are lost
 *     sessions idle MS        sessions are lost after a pause of this length
 *     login lose              nobody is logged in any more
 *     module single-threaded  a call that begins in another is noted as two-threads-in-FUNCTION
 *     objects hidden          nothing is found unless the user is logged in
 *     objects private-visible new private keys are found without a login, but do not sign
 *     objects no-public-key   no public key is found
 *     objects no-public-values private keys do not show modulus, exponent or point
 *     objects raw-points      CKA_EC_POINT is not wrapped in an OCTET STRING
 *     objects wrapped-twice   CKA_EC_POINT and CKA_EC_PARAMS are wrapped once too often
 *     objects other-id        every CKA_ID is another, as after a restore
 *     objects fixed-id        the token gives its own CKA_ID, of one byte, to new keys
 *     objects ask-at-each-use CKA_ALWAYS_AUTHENTICATE: between C_SignInit and C_Sign there has
 *                             to be a C_Login for that use, and no other call
 *
 * A line `generation TEXT` tells two writings of the file apart: what happens once or some times
 * is counted anew, in files beside it, so that it holds for all processes together.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "faults.h"

static struct ck_function_list *target;
static struct ck_function_list ours;

enum {
#define NUMBER(kind, name, called, parameters, arguments) NUMBER_##name,
    FUNCTIONS(NUMBER) COUNT
};
_Static_assert(COUNT == 68, "CK_FUNCTION_LIST of PKCS#11 2.40 has 68 functions");

#define REAL(kind, name, called, parameters, arguments) \
    CK_RV real_##name parameters \
    { \
        CK_RV(*function) \
        parameters = (CK_RV(*) parameters)target->functions[NUMBER_##name]; \
        return function arguments; \
    }
FUNCTIONS(REAL)

#define ENTER_NONE(name) enter(name)
#define ENTER_SLOT(name) enter_slot(name, &slot)
#define ENTER_SESSION(name) enter_session(name, session)
#define ENTRY(kind, name, called, parameters, arguments) \
    static CK_RV entry_##name parameters \
    { \
        CK_RV answer = ENTER_##kind(#name); \
        if (answer == CKR_OK) { \
            begin_forwarding(); \
            answer = answer_instead(#name, called arguments); \
            end_forwarding(); \
        } \
        leave(); \
        return answer; \
    }
FUNCTIONS(ENTRY)

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(struct ck_function_list **list)
{
    CK_RV (*get)(struct ck_function_list **);
    void *library = dlopen(getenv("FAULT_TARGET"), RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return CKR_GENERAL_ERROR;
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&target) != CKR_OK)
        return CKR_GENERAL_ERROR;
    ours.version[0] = target->version[0];
    ours.version[1] = target->version[1];
#define PLACE(kind, name, called, parameters, arguments) \
    ours.functions[NUMBER_##name] = (void (*)(void))entry_##name;
    FUNCTIONS(PLACE)
    ours.functions[NUMBER_C_GetFunctionList] = (void (*)(void))C_GetFunctionList;
    *list = &ours;
    return CKR_OK;
}
