/*
 * A PKCS#11 module that forwards to the library named by FAULT_TARGET and misbehaves as the file
 * named by FAULT_CONTROL says. The file is read again at every call; its lines are
 *
 *     FUNCTION ACTION [NUMBER]
 *
 *     delay MILLISECONDS   wait, then go on          hang, hang-once     never come back
 *     crash, crash-once    end by a segmentation     fail CKR            answer that at once
 *                          fault                     wrong, short        C_Sign: spoil the signature
 *     pin-tries N          C_Login: count down       cant-lock           C_Initialize: no locks
 *     too-small-once       C_GetSlotList: a slot appears between its two calls
 *     crash-after          C_GenerateKeyPair: crash once the pair is on the token
 *
 * What is done once leaves a file beside the control file, as does the count of wrong PINs; calls
 * are written to FAULT_CONTROL.log.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pkcs11.h"

static struct ck_function_list *target;
static struct ck_function_list ours;

static void beside(char *path, size_t size, const char *suffix)
{
    snprintf(path, size, "%s.%s", getenv("FAULT_CONTROL"), suffix);
}

static void note(const char *function)
{
    char path[4096];
    int file;
    beside(path, sizeof path, "log");
    file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file >= 0) {
        dprintf(file, "%s\n", function);
        close(file);
    }
}

/* Whether the control file asks for this action; its number goes to *number. */
static int asked(const char *function, const char *action, CK_ULONG *number)
{
    char line[256], name[64], what[64], argument[64];
    int found = 0;
    FILE *file = fopen(getenv("FAULT_CONTROL"), "r");
    if (file == NULL)
        return 0;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        argument[0] = '\0';
        if (sscanf(line, "%63s %63s %63s", name, what, argument) >= 2
            && strcmp(name, function) == 0 && strcmp(what, action) == 0) {
            found = 1;
            if (number != NULL)
                *number = strtoul(argument, NULL, 0);
        }
    }
    fclose(file);
    return found;
}

static int first_time(const char *function, const char *action)
{
    char suffix[128], path[4096];
    int file;
    snprintf(suffix, sizeof suffix, "%s.%s", function, action);
    beside(path, sizeof path, suffix);
    file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (file < 0)
        return 0;
    close(file);
    return 1;
}

static void hang(void)
{
    for (;;)
        pause();
}

/* What any function may be asked for; CKR_OK means: forward the call. */
static CK_RV misbehave(const char *function)
{
    CK_ULONG number = 0;
    note(function);
    if (asked(function, "delay", &number)) {
        struct timespec pause_time = {(time_t)(number / 1000), (long)(number % 1000) * 1000000L};
        nanosleep(&pause_time, NULL);
    }
    if (asked(function, "hang", NULL)
        || (asked(function, "hang-once", NULL) && first_time(function, "hang-once")))
        hang();
    if (asked(function, "crash", NULL)
        || (asked(function, "crash-once", NULL) && first_time(function, "crash-once")))
        *(volatile int *)0 = 1;
    if (asked(function, "fail", &number))
        return number;
    return CKR_OK;
}

#define FORWARD(index, type) ((type)target->functions[index])
#define MISBEHAVE(function)                  \
    do {                                     \
        CK_RV answer = misbehave(function);  \
        if (answer != CKR_OK)                \
            return answer;                   \
    } while (0)

static CK_RV initialize(struct ck_initialize_args *arguments)
{
    MISBEHAVE("C_Initialize");
    if (asked("C_Initialize", "cant-lock", NULL) && arguments != NULL
        && (arguments->flags & CKF_OS_LOCKING_OK) != 0)
        return CKR_CANT_LOCK;
    return FORWARD(C_INITIALIZE, CK_RV (*)(void *))(arguments);
}

static CK_RV get_slot_list(CK_BYTE present, CK_ULONG *list, CK_ULONG *count)
{
    MISBEHAVE("C_GetSlotList");
    if (list != NULL && asked("C_GetSlotList", "too-small-once", NULL)
        && first_time("C_GetSlotList", "too-small-once"))
        return CKR_BUFFER_TOO_SMALL;
    return FORWARD(C_GET_SLOT_LIST, CK_RV (*)(CK_BYTE, CK_ULONG *, CK_ULONG *))(present, list, count);
}

/* --- PIN tries ---------------------------------------------------------------------------- */

static CK_ULONG failures(void)
{
    char path[4096];
    CK_ULONG count = 0;
    FILE *file;
    beside(path, sizeof path, "tries");
    file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%lu", &count) != 1)
            count = 0;
        fclose(file);
    }
    return count;
}

static void set_failures(CK_ULONG count)
{
    char path[4096];
    FILE *file;
    beside(path, sizeof path, "tries");
    file = fopen(path, "w");
    if (file != NULL) {
        fprintf(file, "%lu\n", count);
        fclose(file);
    }
}

static CK_RV login(CK_ULONG session, CK_ULONG user, CK_BYTE *pin, CK_ULONG length)
{
    CK_ULONG tries = 0;
    int counting;
    CK_RV answer;
    MISBEHAVE("C_Login");
    counting = user == CKU_USER && asked("C_Login", "pin-tries", &tries);
    if (counting && failures() >= tries)
        return CKR_PIN_LOCKED;
    answer = FORWARD(C_LOGIN, CK_RV (*)(CK_ULONG, CK_ULONG, CK_BYTE *, CK_ULONG))(
        session, user, pin, length);
    if (counting && answer == CKR_PIN_INCORRECT)
        set_failures(failures() + 1);
    if (counting && answer == CKR_OK)
        set_failures(0);
    return answer;
}

static CK_RV get_token_info(CK_ULONG slot, struct ck_token_info *info)
{
    CK_ULONG tries = 0, failed;
    CK_RV answer;
    MISBEHAVE("C_GetTokenInfo");
    answer = FORWARD(C_GET_TOKEN_INFO, CK_RV (*)(CK_ULONG, void *))(slot, info);
    if (answer == CKR_OK && asked("C_Login", "pin-tries", &tries)) {
        failed = failures();
        info->flags &= ~(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
        if (failed >= tries)
            info->flags |= CKF_USER_PIN_LOCKED;
        else if (failed == tries - 1)
            info->flags |= CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW;
        else if (failed > 0)
            info->flags |= CKF_USER_PIN_COUNT_LOW;
    }
    return answer;
}

/* --- sessions, keys and signatures -------------------------------------------------------- */

static CK_RV open_session(CK_ULONG slot, CK_ULONG flags, void *application, void *notify,
                          CK_ULONG *session)
{
    MISBEHAVE("C_OpenSession");
    return FORWARD(C_OPEN_SESSION, CK_RV (*)(CK_ULONG, CK_ULONG, void *, void *, CK_ULONG *))(
        slot, flags, application, notify, session);
}

static CK_RV find_objects_init(CK_ULONG session, void *template, CK_ULONG count)
{
    MISBEHAVE("C_FindObjectsInit");
    return FORWARD(C_FIND_OBJECTS_INIT, CK_RV (*)(CK_ULONG, void *, CK_ULONG))(
        session, template, count);
}

static CK_RV sign_init(CK_ULONG session, void *mechanism, CK_ULONG key)
{
    MISBEHAVE("C_SignInit");
    return FORWARD(C_SIGN_INIT, CK_RV (*)(CK_ULONG, void *, CK_ULONG))(session, mechanism, key);
}

static CK_RV sign(CK_ULONG session, CK_BYTE *data, CK_ULONG data_length, CK_BYTE *signature,
                  CK_ULONG *length)
{
    CK_RV answer;
    MISBEHAVE("C_Sign");
    answer = FORWARD(C_SIGN, CK_RV (*)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *))(
        session, data, data_length, signature, length);
    if (answer == CKR_OK && signature != NULL && asked("C_Sign", "wrong", NULL))
        signature[*length / 2] ^= 1;
    if (answer == CKR_OK && signature != NULL && asked("C_Sign", "short", NULL))
        *length -= 1;
    return answer;
}

static CK_RV generate_key_pair(CK_ULONG session, void *mechanism, void *public_template,
                               CK_ULONG public_count, void *private_template,
                               CK_ULONG private_count, CK_ULONG *public_key, CK_ULONG *private_key)
{
    CK_RV answer;
    MISBEHAVE("C_GenerateKeyPair");
    answer = FORWARD(C_GENERATE_KEY_PAIR,
                     CK_RV (*)(CK_ULONG, void *, void *, CK_ULONG, void *, CK_ULONG, CK_ULONG *,
                               CK_ULONG *))(session, mechanism, public_template, public_count,
                                            private_template, private_count, public_key,
                                            private_key);
    if (asked("C_GenerateKeyPair", "crash-after", NULL)
        && first_time("C_GenerateKeyPair", "crash-after"))
        *(volatile int *)0 = 1;
    return answer;
}

CK_RV C_GetFunctionList(struct ck_function_list **list)
{
    CK_RV (*get)(struct ck_function_list **);
    void *library = dlopen(getenv("FAULT_TARGET"), RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return 0x5UL; /* CKR_GENERAL_ERROR */
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&target) != CKR_OK)
        return 0x5UL;
    ours = *target;
    ours.functions[C_GET_FUNCTION_LIST] = (void *)C_GetFunctionList;
    ours.functions[C_INITIALIZE] = (void *)initialize;
    ours.functions[C_GET_SLOT_LIST] = (void *)get_slot_list;
    ours.functions[C_GET_TOKEN_INFO] = (void *)get_token_info;
    ours.functions[C_OPEN_SESSION] = (void *)open_session;
    ours.functions[C_LOGIN] = (void *)login;
    ours.functions[C_FIND_OBJECTS_INIT] = (void *)find_objects_init;
    ours.functions[C_SIGN_INIT] = (void *)sign_init;
    ours.functions[C_SIGN] = (void *)sign;
    ours.functions[C_GENERATE_KEY_PAIR] = (void *)generate_key_pair;
    *list = &ours;
    return CKR_OK;
}
