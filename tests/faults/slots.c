/* Slots, tokens and mechanisms: other numbers, texts, flags and lists than SoftHSM gives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

#define MOST 1024
#define FIRST_PLACEHOLDER 90000UL
#define PLACEHOLDERS 64UL

/* --- which token a line is about ---------------------------------------------------------- */

int token_asked(const char *serial, const char *action, char *text)
{
    char subject[64];
    if (serial[0] == '\0')
        return 0;
    snprintf(subject, sizeof subject, "token:%s", serial);
    return asked(subject, action, text) || asked("token", action, text);
}

void serial_of(CK_ULONG slot, char *serial)
{
    struct ck_token_info info;
    int length = 16;
    serial[0] = '\0';
    if (is_placeholder(slot) || real_C_GetTokenInfo(slot, &info) != CKR_OK
        || (info.flags & CKF_TOKEN_INITIALIZED) == 0)
        return;
    while (length > 0 && info.serial[length - 1] == ' ')
        length--;
    memcpy(serial, info.serial, (size_t)length);
    serial[length] = '\0';
}

/* --- slots -------------------------------------------------------------------------------- */

static CK_ULONG shift(void)
{
    CK_ULONG by = 0;
    asked_number("slots", "shift", &by);
    return by;
}

CK_ULONG inner_slot(CK_ULONG outer)
{
    return outer - shift();
}

CK_ULONG outer_slot(CK_ULONG inner)
{
    return inner + shift();
}

int is_placeholder(CK_ULONG inner)
{
    CK_ULONG number = 0;
    return asked_number("slots", "placeholders", &number) && inner >= FIRST_PLACEHOLDER
           && inner < FIRST_PLACEHOLDER + number && inner < FIRST_PLACEHOLDER + PLACEHOLDERS;
}

static CK_RV give_list(const CK_ULONG *found, CK_ULONG number, CK_ULONG *list, CK_ULONG *count)
{
    CK_ULONG room = *count;
    *count = number;
    if (list == NULL)
        return CKR_OK;
    if (room < number)
        return CKR_BUFFER_TOO_SMALL;
    memcpy(list, found, number * sizeof *list);
    return CKR_OK;
}

CK_RV get_slot_list(CK_BYTE present, CK_ULONG *list, CK_ULONG *count)
{
    CK_ULONG found[MOST], all[MOST], number = MOST, kept = 0, place;
    char serial[17];
    CK_RV answer = CKR_OK;
    if (list != NULL && asked("C_GetSlotList", "too-small-once", NULL)
        && first_time("C_GetSlotList", "too-small-once"))
        return CKR_BUFFER_TOO_SMALL;
    if (list == NULL) /* SoftHSM looks for a slot to initialise then */
        answer = real_C_GetSlotList(present, NULL, &number);
    number = MOST;
    if (answer == CKR_OK)
        answer = real_C_GetSlotList(present, found, &number);
    if (answer != CKR_OK)
        return answer;
    for (place = 0; place < number; place++) {
        serial_of(found[place], serial);
        if (!present || !token_asked(serial, "removed", NULL))
            all[kept++] = outer_slot(found[place]);
    }
    for (place = FIRST_PLACEHOLDER; !present && kept < MOST && is_placeholder(place); place++)
        all[kept++] = outer_slot(place);
    return give_list(all, kept, list, count);
}

/* Blanks at the end become NUL bytes, as some modules pad. */
static void pad_with_nul(CK_BYTE *text, size_t length)
{
    while (length > 0 && text[length - 1] == ' ')
        text[--length] = '\0';
}

CK_RV get_slot_info(CK_ULONG slot, struct ck_slot_info *info)
{
    char serial[17];
    CK_RV answer = CKR_OK;
    if (is_placeholder(slot)) {
        memset(info, 0, sizeof *info);
        memset(info->description, ' ', sizeof info->description);
        memcpy(info->description, "Net Token Slot", 14);
        memset(info->manufacturer, ' ', sizeof info->manufacturer);
        return CKR_OK;
    }
    answer = real_C_GetSlotInfo(slot, info);
    if (answer != CKR_OK)
        return answer;
    serial_of(slot, serial);
    if (token_asked(serial, "removed", NULL))
        info->flags &= ~CKF_TOKEN_PRESENT;
    if (token_asked(serial, "nul-padded", NULL)) {
        pad_with_nul(info->description, sizeof info->description);
        pad_with_nul(info->manufacturer, sizeof info->manufacturer);
    }
    return CKR_OK;
}

static void say(CK_BYTE *text, size_t length, const char *what)
{
    size_t given = strlen(what);
    memset(text, ' ', length);
    memcpy(text, what, given < length ? given : length);
}

CK_RV get_token_info(CK_ULONG slot, struct ck_token_info *info)
{
    char serial[17], text[TEXT];
    CK_RV answer = real_C_GetTokenInfo(slot, info);
    if (answer != CKR_OK)
        return answer;
    serial_of(slot, serial);
    if (token_asked(serial, "label", text))
        say(info->label, sizeof info->label, text);
    if (token_asked(serial, "serial", text))
        say(info->serial, sizeof info->serial, text);
    if (token_asked(serial, "nul-padded", NULL)) {
        pad_with_nul(info->label, sizeof info->label);
        pad_with_nul(info->manufacturer, sizeof info->manufacturer);
        pad_with_nul(info->model, sizeof info->model);
        pad_with_nul(info->serial, sizeof info->serial);
    }
    if (token_asked(serial, "ped", NULL))
        info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    if (token_asked(serial, "no-pin-flags", NULL))
        info->flags &= ~CKF_USER_PIN_INITIALIZED;
    if (serial[0] != '\0')
        show_tries(info);
    return CKR_OK;
}

/* --- mechanisms --------------------------------------------------------------------------- */

static int fips(CK_ULONG slot, const char *action)
{
    char serial[17];
    serial_of(slot, serial);
    return token_asked(serial, action, NULL);
}

static int forbidden(CK_ULONG slot, CK_ULONG mechanism)
{
    return (mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN && fips(slot, "fips"))
           || (mechanism == CKM_RSA_PKCS && fips(slot, "no-pkcs1"));
}

CK_RV get_mechanism_list(CK_ULONG slot, CK_ULONG *list, CK_ULONG *count)
{
    CK_ULONG found[MOST], kept = 0, number = MOST - 1, place;
    CK_RV answer = real_C_GetMechanismList(slot, found, &number);
    if (answer != CKR_OK)
        return answer;
    for (place = 0; place < number; place++)
        if (!forbidden(slot, found[place]))
            found[kept++] = found[place];
    if (fips(slot, "fips"))
        found[kept++] = CKM_LUNA_RSA_FIPS_186_3;
    return give_list(found, kept, list, count);
}

CK_RV get_mechanism_info(CK_ULONG slot, CK_ULONG mechanism, void *info)
{
    if (forbidden(slot, mechanism))
        return CKR_MECHANISM_INVALID;
    if (mechanism == CKM_LUNA_RSA_FIPS_186_3 && fips(slot, "fips"))
        mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN;
    return real_C_GetMechanismInfo(slot, mechanism, info);
}
