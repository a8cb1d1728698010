/*
 * Signs with one session in a loop of C_SignInit and C_Sign: what a program in C would reach.
 *
 *     direct LIBRARY
 *
 * The first line of standard input is LABEL, PIN, CKA_ID, MECHANISM and DATA, separated by tabs,
 * the latter three in hexadecimal. Then each line is a number of seconds; the answer is a line
 * with the number of signatures, the seconds they took, and the last signature in hexadecimal.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned long CK_ULONG;
typedef unsigned char CK_BYTE;

/* Places in CK_FUNCTION_LIST (PKCS#11 2.40, section 4.6), and the few numbers needed here. */
enum {
    INITIALIZE = 0,
    GET_SLOT_LIST = 4,
    GET_TOKEN_INFO = 6,
    OPEN_SESSION = 12,
    LOGIN = 18,
    FIND_OBJECTS_INIT = 26,
    FIND_OBJECTS = 27,
    FIND_OBJECTS_FINAL = 28,
    SIGN_INIT = 42,
    SIGN = 43,
    FUNCTIONS = 68
};
#define CKF_OS_LOCKING_OK 2UL
#define SERIAL_AND_RW_SESSION 6UL
#define CKU_USER 1UL
#define CKO_PRIVATE_KEY 3UL
#define CKA_CLASS 0UL
#define CKA_ID 0x102UL
#define LABEL_LENGTH 32

struct function_list {
    CK_BYTE version[2];
    void *functions[FUNCTIONS];
};
struct initialize_args {
    void *mutex_functions[4];
    CK_ULONG flags;
    void *reserved;
};
struct mechanism {
    CK_ULONG mechanism;
    void *parameter;
    CK_ULONG length;
};
struct attribute {
    CK_ULONG type;
    void *value;
    CK_ULONG length;
};

static struct function_list *library;

#define CALL(index, types, ...) check(#index, ((CK_ULONG (*) types)library->functions[index])(__VA_ARGS__))

static void check(const char *function, CK_ULONG answer)
{
    if (answer != 0) {
        fprintf(stderr, "%s: 0x%08lX\n", function, answer);
        exit(1);
    }
}

static void load(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW);
    CK_ULONG (*get)(struct function_list **);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    get = (CK_ULONG (*)(struct function_list **))dlsym(handle, "C_GetFunctionList");
    check("C_GetFunctionList", get(&library));
}

static CK_ULONG slot_of(const char *label)
{
    CK_ULONG slots[64], count = 64, place;
    CK_BYTE info[512], padded[LABEL_LENGTH];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strlen(label));
    CALL(GET_SLOT_LIST, (CK_BYTE, CK_ULONG *, CK_ULONG *), 1, slots, &count);
    for (place = 0; place < count; place++) {
        CALL(GET_TOKEN_INFO, (CK_ULONG, void *), slots[place], info);
        if (memcmp(info, padded, sizeof padded) == 0)
            return slots[place];
    }
    fprintf(stderr, "no token %s\n", label);
    exit(1);
}

static CK_ULONG private_key(CK_ULONG session, CK_BYTE *id, CK_ULONG length)
{
    CK_ULONG class = CKO_PRIVATE_KEY, key = 0, found = 0;
    struct attribute wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, id, length}};
    CALL(FIND_OBJECTS_INIT, (CK_ULONG, struct attribute *, CK_ULONG), session, wanted, 2);
    CALL(FIND_OBJECTS, (CK_ULONG, CK_ULONG *, CK_ULONG, CK_ULONG *), session, &key, 1, &found);
    CALL(FIND_OBJECTS_FINAL, (CK_ULONG), session);
    if (found != 1) {
        fprintf(stderr, "no such key\n");
        exit(1);
    }
    return key;
}

static CK_ULONG from_hex(const char *text, CK_BYTE *bytes)
{
    CK_ULONG length = strlen(text) / 2, place;
    unsigned int value;
    for (place = 0; place < length; place++) {
        sscanf(text + 2 * place, "%2x", &value);
        bytes[place] = (CK_BYTE)value;
    }
    return length;
}

static double now(void)
{
    struct timespec clock;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    return (double)clock.tv_sec + (double)clock.tv_nsec / 1e9;
}

static void measure(CK_ULONG session, CK_ULONG key, struct mechanism *mechanism, CK_BYTE *data,
                    CK_ULONG length, double seconds)
{
    CK_BYTE signature[2048];
    CK_ULONG size = 0, place;
    long count = 0;
    double began = now(), took;
    do {
        size = sizeof signature;
        CALL(SIGN_INIT, (CK_ULONG, struct mechanism *, CK_ULONG), session, mechanism, key);
        CALL(SIGN, (CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *), session, data, length,
             signature, &size);
        count++;
        took = now() - began;
    } while (took < seconds);
    printf("%ld %.9f ", count, took);
    for (place = 0; place < size; place++)
        printf("%02x", signature[place]);
    printf("\n");
    fflush(stdout);
}

int main(int count, char **arguments)
{
    char line[4096], *label, *pin, *id, *number, *text;
    CK_BYTE cka_id[256], data[2048];
    CK_ULONG session, key, id_length, length;
    struct initialize_args locks = {{NULL}, CKF_OS_LOCKING_OK, NULL};
    struct mechanism mechanism = {0, NULL, 0};
    if (count != 2 || fgets(line, sizeof line, stdin) == NULL)
        return 2;
    label = strtok(line, "\t");
    pin = strtok(NULL, "\t");
    id = strtok(NULL, "\t");
    number = strtok(NULL, "\t");
    text = strtok(NULL, "\t\n");
    if (text == NULL || strlen(label) > LABEL_LENGTH)
        return 2;
    id_length = from_hex(id, cka_id);
    length = from_hex(text, data);
    mechanism.mechanism = strtoul(number, NULL, 16);
    load(arguments[1]);
    CALL(INITIALIZE, (struct initialize_args *), &locks);
    CALL(OPEN_SESSION, (CK_ULONG, CK_ULONG, void *, void *, CK_ULONG *), slot_of(label),
         SERIAL_AND_RW_SESSION, NULL, NULL, &session);
    CALL(LOGIN, (CK_ULONG, CK_ULONG, char *, CK_ULONG), session, CKU_USER, pin, strlen(pin));
    key = private_key(session, cka_id, id_length);
    while (fgets(line, sizeof line, stdin) != NULL)
        measure(session, key, &mechanism, data, length, atof(line));
    return 0;
}
