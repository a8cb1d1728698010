/* Signatures and key generation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

#define MOST 32 /* attributes in one template */

/* --- signatures --------------------------------------------------------------------------- */

CK_RV sign_init(CK_ULONG handle, struct ck_mechanism *mechanism, CK_ULONG key)
{
    struct session *session = session_of(handle);
    CK_RV answer;
    if (session == NULL)
        return real_C_SignInit(handle, mechanism, key);
    if (asked("objects", "private-visible", NULL) && !logged_in(handle))
        return CKR_USER_NOT_LOGGED_IN;
    if (mechanism->mechanism == CKM_RSA_PKCS && token_asked(session->serial, "no-pkcs1", NULL))
        return CKR_MECHANISM_INVALID;
    answer = real_C_SignInit(handle, mechanism, key);
    if (answer == CKR_OK && asked("objects", "ask-at-each-use", NULL))
        session->use = USE_BEGUN;
    return answer;
}

CK_RV sign_once(CK_ULONG handle, CK_BYTE *data, CK_ULONG size, CK_BYTE *result, CK_ULONG *length)
{
    struct session *session = session_of(handle);
    CK_ULONG times = 1;
    CK_RV answer;
    if (session != NULL && asked("objects", "ask-at-each-use", NULL)
        && session->use != USE_OPENED)
        return CKR_USER_NOT_LOGGED_IN;
    answer = real_C_Sign(handle, data, size, result, length);
    if (answer != CKR_OK || result == NULL)
        return answer;
    /* The operation is over although the signature is lost, as when an HSM falls out of a group. */
    if (asked_number("C_Sign", "primary-fails", &times)
        && turn("C_Sign", "primary-fails") <= times)
        return CKR_DEVICE_ERROR;
    if (asked("C_Sign", "wrong", NULL))
        result[*length / 2] ^= 1;
    if (asked("C_Sign", "short", NULL))
        *length -= 1;
    return CKR_OK;
}

/* --- key generation ----------------------------------------------------------------------- */

static struct ck_attribute *in_template(CK_ULONG type, struct ck_attribute *template,
                                        CK_ULONG count)
{
    for (; count > 0; count--, template++)
        if (template->type == type)
            return template;
    return NULL;
}

static int is_true(CK_ULONG type, struct ck_attribute *template, CK_ULONG count)
{
    struct ck_attribute *found = in_template(type, template, count);
    return found != NULL && found->length == 1 && *(CK_BYTE *)found->value != 0;
}

/* `refuse-attribute CKA [CKR]` and `refuse-wide`: keys that may do more than sign and verify. */
static CK_RV refused(struct ck_attribute *template, CK_ULONG count)
{
    static const CK_ULONG wide[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE};
    char text[TEXT];
    int line = 0;
    size_t place;
    while (asked_again("C_GenerateKeyPair", "refuse-attribute", text, &line)) {
        CK_ULONG type = 0, answer = CKR_ATTRIBUTE_TYPE_INVALID;
        sscanf(text, "%li %li", (long *)&type, (long *)&answer);
        if (in_template(type, template, count) != NULL)
            return answer;
    }
    for (place = 0; place < sizeof wide / sizeof *wide; place++)
        if (asked("C_GenerateKeyPair", "refuse-wide", NULL)
            && is_true(wide[place], template, count))
            return CKR_TEMPLATE_INCONSISTENT;
    return CKR_OK;
}

/* Copy a template with what the token decides by itself. */
static void decide(struct ck_attribute *copy, const struct ck_attribute *template, CK_ULONG count)
{
    static CK_BYTE fixed[] = {0x02}, no = 0;
    struct ck_attribute *found;
    memcpy(copy, template, count * sizeof *copy);
    if (asked("objects", "fixed-id", NULL) && (found = in_template(CKA_ID, copy, count)) != NULL)
        *found = (struct ck_attribute){CKA_ID, fixed, sizeof fixed};
    if (asked("objects", "private-visible", NULL)
        && (found = in_template(CKA_PRIVATE, copy, count)) != NULL)
        *found = (struct ck_attribute){CKA_PRIVATE, &no, sizeof no};
}

CK_RV generate_key_pair(CK_ULONG handle, struct ck_mechanism *mechanism,
                        struct ck_attribute *public_template, CK_ULONG public_count,
                        struct ck_attribute *private_template, CK_ULONG private_count,
                        CK_ULONG *public_key, CK_ULONG *private_key)
{
    struct session *session = session_of(handle);
    struct ck_mechanism used = *mechanism;
    struct ck_attribute public_copy[MOST], private_copy[MOST];
    CK_ULONG room = 0;
    CK_RV answer;
    if (session == NULL || public_count > MOST || private_count > MOST)
        return CKR_ARGUMENTS_BAD;
    if (asked("C_GenerateKeyPair", "officer-only", NULL) && !(is_officer() && logged_in(handle)))
        return CKR_USER_NOT_LOGGED_IN;
    if (token_asked(session->serial, "fips", NULL)) {
        if (used.mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN)
            return CKR_MECHANISM_INVALID;
        if (used.mechanism == CKM_LUNA_RSA_FIPS_186_3)
            used.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN;
    }
    if ((answer = refused(public_template, public_count)) != CKR_OK
        || (answer = refused(private_template, private_count)) != CKR_OK)
        return answer;
    if (asked_number("C_GenerateKeyPair", "memory", &room)
        && turn("C_GenerateKeyPair", "memory") > room)
        return CKR_DEVICE_MEMORY;
    decide(public_copy, public_template, public_count);
    decide(private_copy, private_template, private_count);
    answer = real_C_GenerateKeyPair(handle, &used, public_copy, public_count, private_copy,
                                    private_count, public_key, private_key);
    if (asked("C_GenerateKeyPair", "crash-after", NULL)
        && first_time("C_GenerateKeyPair", "crash-after"))
        crash();
    return answer;
}
