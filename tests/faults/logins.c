/* Logins: PIN pads, names before passwords, keys that ask at each use, tries that are counted. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

static char user_pin[TEXT]; /* of the last login, for keys that ask at each use */
static int officer;

int is_officer(void)
{
    return officer;
}

/* --- tries -------------------------------------------------------------------------------- */

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

void show_tries(struct ck_token_info *info)
{
    CK_ULONG tries = 0, failed;
    if (!asked_number("C_Login", "pin-tries", &tries))
        return;
    failed = failures();
    info->flags &= ~(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
    if (failed >= tries)
        info->flags |= CKF_USER_PIN_LOCKED;
    else if (failed == tries - 1)
        info->flags |= CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW;
    else if (failed > 0)
        info->flags |= CKF_USER_PIN_COUNT_LOW;
}

/* --- the PIN ------------------------------------------------------------------------------ */

/* The PIN that SoftHSM knows, of what the application gave; CKR_OK where there is one. */
static CK_RV real_pin(const char *serial, const CK_BYTE *pin, CK_ULONG length, char *real)
{
    char text[TEXT], name[TEXT];
    if (token_asked(serial, "ped", real))
        return pin == NULL ? CKR_OK : CKR_ARGUMENTS_BAD; /* an empty PIN is not none */
    if (length >= TEXT || pin == NULL)
        return CKR_PIN_INCORRECT;
    memcpy(real, pin, length);
    real[length] = '\0';
    if (token_asked(serial, "user-password", text)) { /* NAME:PASSWORD PIN */
        if (sscanf(text, "%255s %255s", name, text) != 2 || strcmp(name, real) != 0)
            return CKR_PIN_INCORRECT;
        strcpy(real, text);
    }
    return CKR_OK;
}

/* The security officer of a token where only he generates keys: for SoftHSM he is the user. */
static CK_RV officer_login(CK_ULONG session, const char *pins, const CK_BYTE *pin, CK_ULONG length)
{
    char user[TEXT], expected[TEXT];
    CK_RV answer;
    if (sscanf(pins, "%255s %255s", user, expected) != 2)
        return CKR_GENERAL_ERROR;
    if (logged_in(session) && !officer)
        return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    if (pin == NULL || length != strlen(expected) || memcmp(pin, expected, length) != 0)
        return CKR_PIN_INCORRECT;
    answer = real_C_Login(session, CKU_USER, (CK_BYTE *)user, strlen(user));
    officer = answer == CKR_OK;
    return answer;
}

static CK_RV user_login(CK_ULONG session, CK_BYTE *pin)
{
    CK_ULONG tries = 0;
    int counting = asked_number("C_Login", "pin-tries", &tries);
    CK_RV answer;
    if (officer && logged_in(session))
        return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    officer = 0;
    if (counting && failures() >= tries)
        return CKR_PIN_LOCKED;
    answer = real_C_Login(session, CKU_USER, pin, strlen((char *)pin));
    if (counting && answer == CKR_PIN_INCORRECT)
        set_failures(failures() + 1);
    if (counting && answer == CKR_OK)
        set_failures(0);
    if (answer == CKR_OK)
        strcpy(user_pin, (char *)pin);
    return answer;
}

CK_RV login(CK_ULONG handle, CK_ULONG user, CK_BYTE *pin, CK_ULONG length)
{
    struct session *session = session_of(handle);
    char text[TEXT];
    CK_RV answer;
    if (session == NULL)
        return real_C_Login(handle, user, pin, length);
    if (user == CKU_SO) {
        if (asked("C_GenerateKeyPair", "officer-only", text))
            return officer_login(handle, text, pin, length);
        return real_C_Login(handle, user, pin, length);
    }
    answer = real_pin(session->serial, pin, length, text);
    if (answer != CKR_OK)
        return answer;
    if (user == CKU_USER)
        return user_login(handle, (CK_BYTE *)text);
    if (session->use != USE_BEGUN)
        return real_C_Login(handle, user, pin, length);
    session->use = strcmp(text, user_pin) == 0 ? USE_OPENED : NO_USE;
    return session->use == USE_OPENED ? CKR_OK : CKR_PIN_INCORRECT;
}

CK_RV logout(CK_ULONG session)
{
    officer = 0;
    return real_C_Logout(session);
}
