/* What the control file asks for, and what is remembered beside it. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

#define LINES 64

struct line {
    char subject[64], action[64], text[TEXT];
};

static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
static struct line lines[LINES];
static int line_count;
static char generation[64];
static struct stat seen;

void beside(char *path, size_t size, const char *suffix)
{
    snprintf(path, size, "%s.%s", getenv("FAULT_CONTROL"), suffix);
}

void note(const char *text)
{
    static int file = -1;
    char path[4096], line[TEXT];
    int length;
    pthread_mutex_lock(&reading);
    if (file < 0) {
        beside(path, sizeof path, "log");
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    pthread_mutex_unlock(&reading);
    length = snprintf(line, sizeof line, "%s\n", text);
    if (file < 0 || write(file, line, (size_t)length) != length)
        abort(); /* tests rely on it */
}

/* With `reading` held: read the file again when it is another than the one last read. */
static void read_again(void)
{
    char text[512];
    FILE *file = fopen(getenv("FAULT_CONTROL"), "r");
    line_count = 0;
    generation[0] = '\0';
    if (file == NULL || fstat(fileno(file), &seen) != 0)
        abort();
    while (line_count < LINES && fgets(text, sizeof text, file) != NULL) {
        struct line *line = &lines[line_count];
        line->text[0] = '\0';
        if (sscanf(text, "generation %63s", generation) == 1)
            continue;
        if (sscanf(text, "%63s %63s %255[^\n]", line->subject, line->action, line->text) >= 2)
            line_count++;
    }
    fclose(file);
}

static void refresh(void)
{
    struct stat now;
    pthread_mutex_lock(&reading);
    if (stat(getenv("FAULT_CONTROL"), &now) != 0 || now.st_ino != seen.st_ino
        || now.st_size != seen.st_size || now.st_mtim.tv_sec != seen.st_mtim.tv_sec
        || now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec)
        read_again();
    pthread_mutex_unlock(&reading);
}

int asked_again(const char *subject, const char *action, char *text, int *line)
{
    int found = 0;
    pthread_mutex_lock(&reading);
    for (; !found && *line < line_count; (*line)++) {
        struct line *candidate = &lines[*line];
        found = strcmp(candidate->subject, subject) == 0 && strcmp(candidate->action, action) == 0;
        if (found && text != NULL)
            strcpy(text, candidate->text);
    }
    pthread_mutex_unlock(&reading);
    return found;
}

int asked(const char *subject, const char *action, char *text)
{
    int line = 0;
    return asked_again(subject, action, text, &line);
}

int asked_anew(const char *subject, const char *action, char *last)
{
    int anew = asked(subject, action, NULL) && strcmp(last, generation) != 0;
    if (anew)
        strcpy(last, generation);
    return anew;
}

int asked_number(const char *subject, const char *action, CK_ULONG *number)
{
    char text[TEXT];
    if (!asked(subject, action, text))
        return 0;
    if (text[0] != '\0')
        *number = strtoul(text, NULL, 0);
    return 1;
}

CK_ULONG turn(const char *subject, const char *action)
{
    char suffix[256], path[4096];
    struct stat found = {0};
    int file;
    snprintf(suffix, sizeof suffix, "%s.%s.%s", generation, subject, action);
    beside(path, sizeof path, suffix);
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || flock(file, LOCK_EX) != 0 || write(file, ".", 1) != 1
        || fstat(file, &found) != 0)
        abort();
    close(file);
    return (CK_ULONG)found.st_size;
}

int first_time(const char *subject, const char *action)
{
    return turn(subject, action) == 1;
}

void crash(void)
{
    raise(SIGSEGV);
}

static void hang(void)
{
    for (;;)
        pause();
}

CK_RV misbehave(const char *function)
{
    char text[TEXT];
    CK_ULONG number = 0, answer = CKR_OK, times = 0;
    note(function);
    refresh();
    if (asked_number(function, "delay", &number)) {
        struct timespec length = {(time_t)(number / 1000), (long)(number % 1000) * 1000000L};
        nanosleep(&length, NULL);
        refresh();
    }
    if (asked(function, "hang", NULL)
        || (asked(function, "hang-once", NULL) && first_time(function, "hang-once")))
        hang();
    if (asked(function, "crash", NULL)
        || (asked(function, "crash-once", NULL) && first_time(function, "crash-once")))
        crash();
    if (asked(function, "fail", text)) {
        sscanf(text, "%li %lu", (long *)&answer, &times);
        if (times != 0 && turn(function, "fail") > times)
            answer = CKR_OK;
    }
    return answer;
}

CK_RV answer_instead(const char *function, CK_RV answer)
{
    char text[TEXT];
    CK_ULONG other = CKR_OK, times = 0;
    if (answer != CKR_OK || !asked(function, "answer", text))
        return answer;
    sscanf(text, "%li %lu", (long *)&other, &times);
    return times != 0 && turn(function, "answer") > times ? answer : other;
}
