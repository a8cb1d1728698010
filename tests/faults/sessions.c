/* Sessions: how they are lost, removed with their token, left idle, or used by two at once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faults.h"

#define SESSIONS 512

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t disturbing = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t forwarding = PTHREAD_RWLOCK_INITIALIZER;
static struct session sessions[SESSIONS];
static atomic_int inside;
static int initialized;
static char sessions_lost[64], login_lost[64];
static double last_call;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1000 + (double)time.tv_nsec / 1e6;
}

struct session *session_of(CK_ULONG handle)
{
    struct session *found = NULL;
    int place;
    pthread_mutex_lock(&table);
    for (place = 0; found == NULL && place < SESSIONS; place++)
        if (handle != 0 && sessions[place].handle == handle)
            found = &sessions[place];
    pthread_mutex_unlock(&table);
    return found;
}

static void remember(CK_ULONG handle, CK_ULONG slot)
{
    int place = 0;
    pthread_mutex_lock(&table);
    while (place < SESSIONS && sessions[place].open)
        place++;
    if (place == SESSIONS)
        abort();
    sessions[place] = (struct session){.handle = handle, .slot = slot, .open = 1};
    serial_of(slot, sessions[place].serial);
    pthread_mutex_unlock(&table);
}

static struct session *open_session_of(const CK_ULONG *slot)
{
    int place;
    for (place = 0; place < SESSIONS; place++)
        if (sessions[place].open && (slot == NULL || sessions[place].slot == *slot))
            return &sessions[place];
    return NULL;
}

CK_RV close_all_sessions(CK_ULONG slot)
{
    struct session *session;
    while ((session = open_session_of(&slot)) != NULL)
        session->open = 0;
    return real_C_CloseAllSessions(slot);
}

static void lose_sessions(void)
{
    struct session *session;
    while ((session = open_session_of(NULL)) != NULL)
        close_all_sessions(session->slot);
}

static void lose_login(void)
{
    int place;
    for (place = 0; place < SESSIONS; place++)
        if (sessions[place].open)
            real_C_Logout(sessions[place].handle);
}

static struct session *session_of_removed_token(void)
{
    int place;
    for (place = 0; place < SESSIONS; place++)
        if (sessions[place].open && token_asked(sessions[place].serial, "removed", NULL))
            return &sessions[place];
    return NULL;
}

/* What happens behind the application's back. Waits for calls in progress only if it has to. */
static void disturb(void)
{
    struct session *removed;
    CK_ULONG idle = 0;
    int sessions_go, login_goes;
    pthread_mutex_lock(&disturbing);
    sessions_go = asked_anew("sessions", "lose", sessions_lost)
                  || (asked_number("sessions", "idle", &idle) && now() - last_call > (double)idle);
    login_goes = asked_anew("login", "lose", login_lost);
    removed = session_of_removed_token();
    if (sessions_go || login_goes || removed != NULL) {
        pthread_rwlock_wrlock(&forwarding);
        if (sessions_go)
            lose_sessions();
        if (login_goes)
            lose_login();
        for (; removed != NULL; removed = session_of_removed_token())
            close_all_sessions(removed->slot);
        pthread_rwlock_unlock(&forwarding);
    }
    last_call = now();
    pthread_mutex_unlock(&disturbing);
}

CK_RV enter(const char *function)
{
    CK_RV answer;
    char line[128];
    if (atomic_fetch_add(&inside, 1) > 0 && asked("module", "single-threaded", NULL)) {
        snprintf(line, sizeof line, "two-threads-in-%s", function);
        note(line);
    }
    answer = misbehave(function);
    if (answer == CKR_OK)
        disturb();
    return answer;
}

void leave(void)
{
    atomic_fetch_sub(&inside, 1);
}

void begin_forwarding(void)
{
    pthread_rwlock_rdlock(&forwarding);
}

void end_forwarding(void)
{
    pthread_rwlock_unlock(&forwarding);
}

CK_RV enter_slot(const char *function, CK_ULONG *slot)
{
    char serial[17];
    CK_RV answer = enter(function);
    *slot = inner_slot(*slot);
    if (answer != CKR_OK || strcmp(function, "C_GetSlotInfo") == 0)
        return answer;
    serial_of(*slot, serial);
    return is_placeholder(*slot) || token_asked(serial, "removed", NULL) ? CKR_TOKEN_NOT_PRESENT
                                                                        : CKR_OK;
}

CK_RV enter_session(const char *function, CK_ULONG handle)
{
    CK_RV answer = enter(function);
    struct session *session = session_of(handle);
    if (answer != CKR_OK || session == NULL)
        return answer;
    if (token_asked(session->serial, "removed", NULL))
        return CKR_DEVICE_REMOVED;
    /* A key that is opened for one use stays so for the very next call only. */
    if (!(session->use == USE_BEGUN && strcmp(function, "C_Login") == 0)
        && !(session->use == USE_OPENED && strcmp(function, "C_Sign") == 0))
        session->use = NO_USE;
    return CKR_OK;
}

int logged_in(CK_ULONG session)
{
    struct ck_session_info info;
    if (real_C_GetSessionInfo(session, &info) != CKR_OK)
        return 0;
    return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS
           || info.state == CKS_RW_SO_FUNCTIONS;
}

CK_RV initialize(struct ck_initialize_args *given)
{
    char text[TEXT], *value;
    const char *string = given != NULL ? given->reserved : NULL;
    struct ck_initialize_args arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV answer;
    if (initialized)
        return CKR_CRYPTOKI_ALREADY_INITIALIZED;
    if (given != NULL)
        arguments = *given;
    if (asked("C_Initialize", "cant-lock", NULL)
        && ((arguments.flags & CKF_OS_LOCKING_OK) != 0 || arguments.mutex_functions[0] != NULL))
        return CKR_CANT_LOCK;
    if (asked("C_Initialize", "needs-string", text)) {
        if (string == NULL || strcmp(string, text) != 0)
            return CKR_ARGUMENTS_BAD;
        arguments.reserved = NULL; /* SoftHSM accepts none */
    }
    if (asked("C_Initialize", "needs-variable", text) && (value = strchr(text, '=')) != NULL) {
        *value++ = '\0';
        if (getenv(text) == NULL || strcmp(getenv(text), value) != 0)
            return CKR_GENERAL_ERROR;
    }
    /* What was asked for before this process began does not happen to it. */
    asked_anew("sessions", "lose", sessions_lost);
    asked_anew("login", "lose", login_lost);
    last_call = now();
    answer = real_C_Initialize(given != NULL ? &arguments : NULL);
    initialized = answer == CKR_OK;
    return answer;
}

CK_RV finalize(void *reserved)
{
    struct session *session;
    initialized = 0;
    while ((session = open_session_of(NULL)) != NULL)
        session->open = 0;
    return real_C_Finalize(reserved);
}

CK_RV open_session(CK_ULONG slot, CK_ULONG flags, void *application, void *notify,
                   CK_ULONG *session)
{
    CK_RV answer = real_C_OpenSession(slot, flags, application, notify, session);
    if (answer == CKR_OK)
        remember(*session, slot);
    return answer;
}

CK_RV close_session(CK_ULONG handle)
{
    struct session *session = session_of(handle), *other;
    CK_RV answer = real_C_CloseSession(handle);
    if (answer == CKR_OK && session != NULL) {
        session->open = 0;
        other = open_session_of(&session->slot);
        if (other != NULL && asked("C_CloseSession", "logs-out", NULL))
            real_C_Logout(other->handle);
    }
    return answer;
}

CK_RV get_session_info(CK_ULONG session, struct ck_session_info *info)
{
    CK_RV answer = real_C_GetSessionInfo(session, info);
    if (answer == CKR_OK) {
        info->slot = outer_slot(info->slot);
        if (info->state == CKS_RW_USER_FUNCTIONS && is_officer())
            info->state = CKS_RW_SO_FUNCTIONS;
    }
    return answer;
}
