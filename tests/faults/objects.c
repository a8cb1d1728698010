/* Objects: hidden, without some of their values, or with other values than SoftHSM gives. */
#include <stdlib.h>
#include <string.h>

#include "faults.h"

#define OCTET_STRING 0x04
#define MOST 32 /* attributes in one template */

CK_ULONG class_of(CK_ULONG session, CK_ULONG object)
{
    CK_ULONG class = UNAVAILABLE;
    struct ck_attribute wanted = {CKA_CLASS, &class, sizeof class};
    real_C_GetAttributeValue(session, object, &wanted, 1);
    return class;
}

/* --- values that differ ------------------------------------------------------------------- */

static void flip(CK_BYTE *value, CK_ULONG length)
{
    while (length-- > 0)
        value[length] ^= 0xFF;
}

/* DER OCTET STRING around the value, in place. */
static CK_ULONG wrap(CK_BYTE *value, CK_ULONG length)
{
    CK_ULONG header = length < 0x80 ? 2 : 3;
    memmove(value + header, value, length);
    value[0] = OCTET_STRING;
    value[1] = header == 2 ? (CK_BYTE)length : 0x81;
    if (header == 3)
        value[2] = (CK_BYTE)length;
    return header + length;
}

/* The content of a DER OCTET STRING, in place; 0 for what is none. */
static CK_ULONG unwrap(CK_BYTE *value, CK_ULONG length)
{
    CK_ULONG header = length > 1 && value[1] == 0x81 ? 3 : 2;
    if (length < header || value[0] != OCTET_STRING || value[header - 1] != length - header)
        return 0;
    memmove(value, value + header, length - header);
    return length - header;
}

/* What SoftHSM shows becomes what the application sees; 0 where nothing is changed. */
static int disguise(CK_ULONG type, CK_BYTE *value, CK_ULONG *length)
{
    if (type == CKA_ID && asked("objects", "other-id", NULL))
        flip(value, *length);
    else if (type == CKA_EC_POINT && asked("objects", "raw-points", NULL))
        *length = unwrap(value, *length);
    else if ((type == CKA_EC_POINT || type == CKA_EC_PARAMS)
             && asked("objects", "wrapped-twice", NULL))
        *length = wrap(value, *length);
    else
        return 0;
    return 1;
}

/* The other way, for searches; 0 where the object cannot be found by this. */
static int reveal(CK_ULONG type, CK_BYTE *value, CK_ULONG *length)
{
    if (type == CKA_ID && asked("objects", "other-id", NULL))
        flip(value, *length);
    if (type == CKA_EC_POINT && asked("objects", "raw-points", NULL)) {
        if (*length == 65 || *length == 97 || *length == 133 || *length == 32)
            *length = wrap(value, *length);
        else
            return 0;
    }
    if ((type == CKA_EC_POINT || type == CKA_EC_PARAMS) && asked("objects", "wrapped-twice", NULL))
        *length = unwrap(value, *length);
    return *length != 0;
}

static int hidden_value(CK_ULONG class, CK_ULONG type)
{
    return class == CKO_PRIVATE_KEY && asked("objects", "no-public-values", NULL)
           && (type == CKA_MODULUS || type == CKA_PUBLIC_EXPONENT || type == CKA_EC_POINT
               || type == CKA_PUBLIC_KEY_INFO);
}

static CK_RV give(struct ck_attribute *wanted, const CK_BYTE *value, CK_ULONG length)
{
    CK_ULONG room = wanted->length;
    wanted->length = length;
    if (wanted->value == NULL)
        return CKR_OK;
    if (room < length) {
        wanted->length = UNAVAILABLE;
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(wanted->value, value, length);
    return CKR_OK;
}

static CK_RV get_one(CK_ULONG session, CK_ULONG object, CK_ULONG class, struct ck_attribute *wanted)
{
    CK_BYTE value[ROOM];
    struct ck_attribute real = {wanted->type, value, ROOM - 8};
    CK_RV answer;
    if (hidden_value(class, wanted->type)) {
        wanted->length = UNAVAILABLE;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (wanted->type == CKA_ALWAYS_AUTHENTICATE && class == CKO_PRIVATE_KEY
        && asked("objects", "ask-at-each-use", NULL))
        return give(wanted, (const CK_BYTE *)"\1", 1);
    answer = real_C_GetAttributeValue(session, object, &real, 1);
    if (answer == CKR_OK && disguise(wanted->type, value, &real.length))
        return give(wanted, value, real.length);
    return real_C_GetAttributeValue(session, object, wanted, 1);
}

CK_RV get_attribute_value(CK_ULONG session, CK_ULONG object, struct ck_attribute *template,
                          CK_ULONG count)
{
    CK_ULONG class = class_of(session, object), place;
    CK_RV answer = CKR_OK, one;
    if (class == UNAVAILABLE)
        return real_C_GetAttributeValue(session, object, template, count);
    for (place = 0; place < count; place++) {
        one = get_one(session, object, class, &template[place]);
        if (one != CKR_OK && one != CKR_ATTRIBUTE_TYPE_INVALID && one != CKR_ATTRIBUTE_SENSITIVE
            && one != CKR_BUFFER_TOO_SMALL)
            return one;
        if (one != CKR_OK)
            answer = one;
    }
    return answer;
}

/* --- finding ------------------------------------------------------------------------------ */

static CK_ULONG wanted_class(const struct ck_attribute *template, CK_ULONG count)
{
    CK_ULONG class = UNAVAILABLE;
    for (; count > 0; count--, template++)
        if (template->type == CKA_CLASS && template->length == sizeof class)
            memcpy(&class, template->value, sizeof class);
    return class;
}

CK_RV find_objects_init(CK_ULONG session, struct ck_attribute *template, CK_ULONG count)
{
    static CK_BYTE nowhere[] = "a label that no object has";
    struct ck_attribute none = {CKA_LABEL, nowhere, sizeof nowhere}, changed[MOST];
    CK_BYTE values[MOST][160];
    CK_ULONG class = wanted_class(template, count), place;
    int found = count <= MOST && !(asked("objects", "hidden", NULL) && !logged_in(session));
    for (place = 0; found && place < count; place++) {
        changed[place] = template[place];
        found = !hidden_value(class, template[place].type);
        if (found && template[place].length < sizeof values[place] - 8
            && (template[place].type == CKA_ID || template[place].type == CKA_EC_POINT)) {
            memcpy(values[place], template[place].value, template[place].length);
            changed[place].value = values[place];
            found = reveal(changed[place].type, values[place], &changed[place].length);
        }
    }
    if (!found)
        return real_C_FindObjectsInit(session, &none, 1);
    return real_C_FindObjectsInit(session, changed, count);
}

CK_RV find_objects(CK_ULONG session, CK_ULONG *list, CK_ULONG room, CK_ULONG *count)
{
    CK_RV answer = CKR_OK;
    CK_ULONG one = 1;
    *count = 0;
    while (answer == CKR_OK && one == 1 && *count < room) {
        answer = real_C_FindObjects(session, &list[*count], 1, &one);
        if (answer == CKR_OK && one == 1
            && !(asked("objects", "no-public-key", NULL)
                 && class_of(session, list[*count]) == CKO_PUBLIC_KEY))
            ++*count;
    }
    return answer;
}
