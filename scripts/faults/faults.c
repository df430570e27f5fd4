// Preloaded before adalora by the tests: makes the n-th system call that writes below a folder fail.
//
//   FAULT_FOLDER  the folder (a path prefix)
//   FAULT_CALL    n, from 1; 0 or none for no fault
//   FAULT_KIND    EIO, EACCES: this call fails
//                 ENOSPC: this call and all later ones that take space fail, as on a full disk
//                 SHORT: a write takes half of its bytes and says so
//                 KILL: the process dies instead of the call
//                 TEAR: a write takes half of its bytes, then the process dies
//   FAULT_COUNT   a file that gets the number of such calls at the end
//
//   cc -shared -fPIC -O1 -o faults.so scripts/faults/faults.c
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;
static const char *kind;
static long fault;
static long calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
    folder = getenv("FAULT_FOLDER");
    kind = getenv("FAULT_KIND");
    const char *call = getenv("FAULT_CALL");
    fault = call ? atol(call) : 0;
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld\n", calls);
    fclose(file);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static bool below(const char *path) {
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static bool belowDescriptor(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = folder ? readlink(link, path, sizeof path - 1) : -1;
    if (length < 0) return false;
    path[length] = 0;
    return below(path);
}

static bool is(const char *name) { return kind && strcmp(kind, name) == 0; }

// Counts a call. True if it must fail, with errno set; for the two kinds of half writes `half` instead.
static bool failsFor(bool *half, bool takesSpace) {
    pthread_mutex_lock(&lock);
    long call = ++calls;
    pthread_mutex_unlock(&lock);
    if (half) *half = false;
    if (fault <= 0 || call < fault) return false;
    if (is("ENOSPC")) {
        errno = ENOSPC;
        return takesSpace;
    }
    if (call > fault) return false;
    if (is("KILL") || (is("TEAR") && !half)) kill(getpid(), SIGKILL);
    if (half && (is("SHORT") || is("TEAR"))) *half = true;
    if (is("EIO")) errno = EIO;
    if (is("EACCES")) errno = EACCES;
    return is("EIO") || is("EACCES");
}

static bool fails(bool *half) { return failsFor(half, true); }

static mode_t modeOf(int flags, va_list list) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; }

static bool opensForWriting(const char *path, int flags) {
    return (flags & (O_WRONLY | O_RDWR | O_CREAT)) && below(path);
}

#define OPEN(name)                                                    \
    int name(const char *path, int flags, ...) {                      \
        va_list list;                                                 \
        va_start(list, flags);                                        \
        mode_t mode = modeOf(flags, list);                            \
        va_end(list);                                                 \
        if (opensForWriting(path, flags) && fails(NULL)) return -1;   \
        return NEXT(name)(path, flags, mode);                         \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                  \
    int name(int at, const char *path, int flags, ...) {              \
        va_list list;                                                 \
        va_start(list, flags);                                        \
        mode_t mode = modeOf(flags, list);                            \
        va_end(list);                                                 \
        if (opensForWriting(path, flags) && fails(NULL)) return -1;   \
        return NEXT(name)(at, path, flags, mode);                     \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (belowDescriptor(descriptor)) {
        bool half;
        if (fails(&half)) return -1;
        if (half) {
            ssize_t written = NEXT(write)(descriptor, bytes, count > 1 ? count / 2 : count);
            if (is("TEAR")) kill(getpid(), SIGKILL);
            return written;
        }
    }
    return NEXT(write)(descriptor, bytes, count);
}

int fsync(int descriptor) {
    if (belowDescriptor(descriptor) && fails(NULL)) return -1;
    return NEXT(fsync)(descriptor);
}

int ftruncate(int descriptor, off_t size) {
    if (belowDescriptor(descriptor) && fails(NULL)) return -1;
    return NEXT(ftruncate)(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
    if (belowDescriptor(descriptor) && fails(NULL)) return -1;
    return NEXT(ftruncate64)(descriptor, size);
}

int mkdir(const char *path, mode_t mode) {
    if (below(path) && fails(NULL)) return -1;
    return NEXT(mkdir)(path, mode);
}

int rename(const char *from, const char *to) {
    if (below(to) && failsFor(NULL, false)) return -1;
    return NEXT(rename)(from, to);
}

int renameat2(int fromAt, const char *from, int toAt, const char *to, unsigned flags) {
    if (below(to) && failsFor(NULL, false)) return -1;
    return NEXT(renameat2)(fromAt, from, toAt, to, flags);
}

int unlink(const char *path) {
    if (below(path) && failsFor(NULL, false)) return -1;
    return NEXT(unlink)(path);
}

int unlinkat(int at, const char *path, int flags) {
    if (below(path) && failsFor(NULL, false)) return -1;
    return NEXT(unlinkat)(at, path, flags);
}
