/* What the files of the fault module share. */
#ifndef SEALKEEPER_FAULTS_H
#define SEALKEEPER_FAULTS_H

#include <stddef.h>

#include "pkcs11.h"

#define TEXT 256 /* room for what follows an action on its line */
#define ROOM 4096 /* room for the value of an attribute */

/* --- control.c: what the control file asks for -------------------------------------------- */

/* Whether a line asks for this action; what follows it goes to `text` unless that is NULL. */
int asked(const char *subject, const char *action, char *text);
/* The same for every line that asks; `*line` is 0 at first. */
int asked_again(const char *subject, const char *action, char *text, int *line);
/* The same with a number; untouched where there is none. */
int asked_number(const char *subject, const char *action, CK_ULONG *number);
/* Whether it is asked by another writing of the file than `last` (64 bytes), which is updated. */
int asked_anew(const char *subject, const char *action, char *last);
/* True once for every content of the control file, over all processes. */
int first_time(const char *subject, const char *action);
/* 1 for the first call since the control file was written, 2 for the next, over all processes. */
CK_ULONG turn(const char *subject, const char *action);
/* The path of a file beside the control file. */
void beside(char *path, size_t size, const char *suffix);
/* Add a line to FAULT_CONTROL.log. */
void note(const char *text);
/* What any function may be asked for before it is forwarded; CKR_OK means: go on. */
CK_RV misbehave(const char *function);
/* What it may be asked to answer although it worked. */
CK_RV answer_instead(const char *function, CK_RV answer);
void crash(void);

/* --- faults.c: the functions as they are -------------------------------------------------- */

#define DECLARE(kind, name, called, parameters, arguments) CK_RV real_##name parameters;
FUNCTIONS(DECLARE)
#undef DECLARE

/* --- slots.c ------------------------------------------------------------------------------ */

/* Whether a line on this token asks: its subject is `token`, or `token:SERIAL` for one alone. */
int token_asked(const char *serial, const char *action, char *text);
/* The serial number without padding, 17 bytes; "" for a token that is not initialised. */
void serial_of(CK_ULONG slot, char *serial);
CK_ULONG inner_slot(CK_ULONG outer);
CK_ULONG outer_slot(CK_ULONG inner);
int is_placeholder(CK_ULONG inner);
CK_RV get_slot_list(CK_BYTE present, CK_ULONG *list, CK_ULONG *count);
CK_RV get_slot_info(CK_ULONG slot, struct ck_slot_info *info);
CK_RV get_token_info(CK_ULONG slot, struct ck_token_info *info);
CK_RV get_mechanism_list(CK_ULONG slot, CK_ULONG *list, CK_ULONG *count);
CK_RV get_mechanism_info(CK_ULONG slot, CK_ULONG mechanism, void *info);

/* --- sessions.c --------------------------------------------------------------------------- */

enum use { NO_USE, USE_BEGUN, USE_OPENED }; /* of a key that asks for the PIN at each use */
struct session {
    CK_ULONG handle, slot;
    char serial[17];
    int open;
    enum use use;
};

/* Before every call: what the function is asked for, and what happens behind everyone's back. */
CK_RV enter(const char *function);
CK_RV enter_slot(const char *function, CK_ULONG *slot);
CK_RV enter_session(const char *function, CK_ULONG session);
void leave(void);
/* Around what is forwarded, so that no session is taken away from under it. */
void begin_forwarding(void);
void end_forwarding(void);
int logged_in(CK_ULONG session);
struct session *session_of(CK_ULONG handle);
CK_RV initialize(struct ck_initialize_args *given);
CK_RV finalize(void *reserved);
CK_RV open_session(CK_ULONG slot, CK_ULONG flags, void *application, void *notify,
                   CK_ULONG *session);
CK_RV close_session(CK_ULONG session);
CK_RV close_all_sessions(CK_ULONG slot);
CK_RV get_session_info(CK_ULONG session, struct ck_session_info *info);

/* --- logins.c ----------------------------------------------------------------------------- */

int is_officer(void);
CK_RV login(CK_ULONG session, CK_ULONG user, CK_BYTE *pin, CK_ULONG length);
CK_RV logout(CK_ULONG session);
void show_tries(struct ck_token_info *info);

/* --- objects.c ---------------------------------------------------------------------------- */

CK_RV get_attribute_value(CK_ULONG session, CK_ULONG object, struct ck_attribute *template,
                          CK_ULONG count);
CK_RV find_objects_init(CK_ULONG session, struct ck_attribute *template, CK_ULONG count);
CK_RV find_objects(CK_ULONG session, CK_ULONG *list, CK_ULONG room, CK_ULONG *count);
CK_ULONG class_of(CK_ULONG session, CK_ULONG object);

/* --- operations.c ------------------------------------------------------------------------- */

CK_RV sign_init(CK_ULONG session, struct ck_mechanism *mechanism, CK_ULONG key);
CK_RV sign_once(CK_ULONG session, CK_BYTE *data, CK_ULONG size, CK_BYTE *result, CK_ULONG *length);
CK_RV generate_key_pair(CK_ULONG session, struct ck_mechanism *mechanism,
                        struct ck_attribute *public_template, CK_ULONG public_count,
                        struct ck_attribute *private_template, CK_ULONG private_count,
                        CK_ULONG *public_key, CK_ULONG *private_key);

#endif
