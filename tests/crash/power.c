/* A disk that forgets: what no fsync has reached is remembered as it was before, so that a power loss can be played.
 *
 * Preloaded under PostgreSQL and under whoever writes the files of audit heads. For each file below CARELOOP_POWER_ROOT
 * the bytes that a write replaces are kept in CARELOOP_POWER_SHADOW/undo.<inode>, until fsync or fdatasync of that
 * file; creating, renaming, linking and removing names is kept in `names`, in order, until a fsync of the file or of
 * its folder, which also makes safe whatever stands before it there (a journal of metadata, as ext4 and xfs have).
 * sync_file_range makes nothing safe. The kernel itself survives, so no real fsync is needed and none is done.
 * tests/crash/power.py plays the loss. While CARELOOP_POWER_SHADOW/full exists there is no space: no file grows, none is made;
 * full-log: none below pg_wal, as when the database's log lies on a disk of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK 131072
#define HEAD 20 /* `names` begins with the offset of its first living line, in so many digits */
#define EXPORT __attribute__((visibility("default")))

struct record { /* span bytes at offset were written over; `have` old ones follow; the file was so long before */
    long long offset, span, have, size;
};

static const char *root, *shadow;
static size_t root_length;

/* Copies: PostgreSQL writes its title over the environment. */
__attribute__((constructor)) static void prepare(void) {
    root = getenv("CARELOOP_POWER_ROOT");
    shadow = getenv("CARELOOP_POWER_SHADOW");
    root = root ? strdup(root) : NULL;
    shadow = shadow ? strdup(shadow) : NULL;
    root_length = root ? strlen(root) : 0;
}

static int raw_open(const char *path, int flags, int mode) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}
static void raw_close(int fd) { syscall(SYS_close, fd); }

static int is_below(const char *path) {
    return root && shadow && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int is_marked(const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", shadow, name);
    return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

static int is_full(const char *path) {
    return is_marked("full") || (strstr(path, "/pg_wal/") && is_marked("full-log"));
}

static int is_full_at(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return is_full(path);
}

/* Whether this is one of our files (or folders, when those are meant). */
static int tracked(int fd, struct stat *st, int kind) {
    char link[64], path[PATH_MAX];
    if (!root || !shadow) return 0;
    int before = errno, found = 0;
    if (fstat(fd, st) == 0 && ((st->st_mode & S_IFMT) == S_IFREG || (st->st_mode & S_IFMT) == (mode_t)kind)) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
        if (n > 0) {
            path[n] = 0;
            found = is_below(path);
        }
    }
    errno = before;
    return found;
}

static int locked(const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", shadow, name);
    int fd = raw_open(path, O_RDWR | O_CREAT | O_APPEND, 0666);
    if (fd >= 0) {
        syscall(SYS_fchmod, fd, 0666);
        while (flock(fd, LOCK_EX) != 0 && errno == EINTR) {}
    } else
        abort(); /* a test that can't keep its books must not pass */
    return fd;
}

static int undo_of(ino_t inode) {
    char name[64];
    snprintf(name, sizeof name, "undo.%llu", (unsigned long long)inode);
    return locked(name);
}

static void note(int undo, int fd, long long offset, long long span, long long size) {
    static __thread char buffer[CHUNK];
    char link[64];
    int reader = -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    while (span > 0) {
        long long step = span < CHUNK ? span : CHUNK;
        struct record record = {offset, step, 0, size};
        if (offset < size) {
            if (reader < 0) reader = raw_open(link, O_RDONLY, 0);
            if (reader < 0) abort();
            long long wanted = size - offset < step ? size - offset : step;
            while (record.have < wanted) {
                long n = syscall(SYS_pread64, reader, buffer + record.have, wanted - record.have, offset + record.have);
                if (n <= 0) break;
                record.have += n;
            }
        }
        struct iovec parts[2] = {{&record, sizeof record}, {buffer, record.have}};
        if (syscall(SYS_writev, undo, parts, 2) != (long)(sizeof record + record.have)) abort();
        if (offset + step > size) size = offset + step;
        offset += step;
        span -= step;
    }
    if (reader >= 0) raw_close(reader);
}

/* --- names */

static void absolute(int at, const char *path, char *out) {
    char folder[PATH_MAX / 2] = "", link[64];
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
        return;
    }
    snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, folder, sizeof folder - 1);
    folder[n > 0 ? n : 0] = 0;
    while (!strncmp(path, "./", 2)) path += 2;
    snprintf(out, PATH_MAX, "%s/%s", folder, path);
}

static unsigned long long inode_of(const char *path) {
    struct stat st;
    return syscall(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static unsigned long long folder_of(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    return inode_of(folder);
}

static void say(int names, const char *form, ...) {
    char line[3 * PATH_MAX];
    va_list rest;
    struct stat st;
    fstat(names, &st);
    if (st.st_size < HEAD && syscall(SYS_write, names, "00000000000000000020", HEAD) != HEAD) abort();
    va_start(rest, form);
    int n = vsnprintf(line, sizeof line, form, rest);
    va_end(rest);
    if (syscall(SYS_write, names, line, n) != n) abort();
}

/* A second name in the shadow keeps what is removed or replaced. */
static void keep(const char *path, char *saved) {
    static int count;
    snprintf(saved, PATH_MAX, "%s/kept.%d.%d", shadow, (int)getpid(), __sync_fetch_and_add(&count, 1));
    int before = errno;
    if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, saved, 0) != 0) strcpy(saved, "-");
    errno = before;
}

static void settle(int names, unsigned long long inode) {
    struct stat st;
    if (fstat(names, &st) != 0 || st.st_size <= HEAD) return;
    char *text = malloc(st.st_size + 1);
    if (!text) abort();
    long n = syscall(SYS_pread64, names, text, st.st_size, 0);
    text[n > 0 ? n : 0] = 0;
    char first[HEAD + 1];
    memcpy(first, text, HEAD);
    first[HEAD] = 0;
    long long start = atoll(first), done = 0;
    for (char *line = text + start; start < n && *line;) {
        unsigned long long of, from, to;
        char *end = strchr(line, '\n'), kind;
        if (!end) break;
        if (sscanf(line, "%c\t%llu\t%llu\t%llu", &kind, &of, &from, &to) == 4 &&
            ((of == inode && kind != 'U') || from == inode || to == inode))
            done = end + 1 - text;
        line = end + 1;
    }
    if (done) {
        for (char *line = text + start; line < text + done;) {
            char *end = strchr(line, '\n'), *saved = end;
            *end = 0;
            while (saved > line && saved[-1] != '\t') saved--;
            if (*saved == '/') syscall(SYS_unlinkat, AT_FDCWD, saved, 0);
            line = end + 1;
        }
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/names", shadow);
        int fd = raw_open(path, O_WRONLY, 0); /* without O_APPEND, which would put the number at the end */
        snprintf(first, sizeof first, "%020lld", done);
        if (fd < 0 || syscall(SYS_pwrite64, fd, first, HEAD, 0) != HEAD) abort();
        raw_close(fd);
        if (done == n) syscall(SYS_ftruncate, names, 0);
    }
    free(text);
}

/* --- what is preloaded */

static int opened(int at, const char *path, int flags, int mode) {
    char full[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE)
        return (int)syscall(SYS_openat, at, path, flags, mode);
    absolute(at, path, full);
    if (!is_below(full)) return (int)syscall(SYS_openat, at, path, flags, mode);
    unsigned long long before = inode_of(full);
    if (!before && is_full(full)) return errno = ENOSPC, -1;
    if (before && flags & O_TRUNC) {
        int fd = (int)syscall(SYS_openat, at, path, flags & ~(O_TRUNC | O_CREAT | O_EXCL), 0);
        if (fd < 0 || flags & O_EXCL) {
            if (fd >= 0) raw_close(fd);
            return (int)syscall(SYS_openat, at, path, flags, mode);
        }
        if (ftruncate(fd, 0) != 0) return raw_close(fd), -1;
        return fd;
    }
    int names = locked("names");
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    int failed = errno;
    struct stat st;
    if (fd >= 0 && !before && fstat(fd, &st) == 0) {
        int undo = undo_of(st.st_ino); /* the inode may have been another file's */
        syscall(SYS_ftruncate, undo, 0);
        raw_close(undo);
        say(names, "C\t%llu\t%llu\t0\t%s\t-\n", (unsigned long long)st.st_ino, folder_of(full), full);
    }
    raw_close(names);
    errno = failed;
    return fd;
}

#define MODE(flags, mode) \
    int mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, int); \
        va_end(rest); \
    }
EXPORT int open(const char *path, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
EXPORT int open64(const char *path, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
EXPORT int openat(int at, const char *path, int flags, ...) { MODE(flags, mode) return opened(at, path, flags, mode); }
EXPORT int openat64(int at, const char *path, int flags, ...) { MODE(flags, mode) return opened(at, path, flags, mode); }
EXPORT int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static long long total(const struct iovec *parts, int count) {
    long long sum = 0;
    for (int i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}

static ssize_t written(int fd, const struct iovec *parts, int count, long long offset, int is_at) {
    struct stat st;
    if (!tracked(fd, &st, S_IFREG))
        return is_at ? syscall(SYS_pwritev, fd, parts, count, offset, 0) : syscall(SYS_writev, fd, parts, count);
    int undo = undo_of(st.st_ino);
    fstat(fd, &st);
    long long where = offset;
    if (!is_at) {
        int flags = fcntl(fd, F_GETFL);
        where = flags & O_APPEND ? st.st_size : syscall(SYS_lseek, fd, 0, SEEK_CUR);
    }
    if (where + total(parts, count) > st.st_size && is_full_at(fd)) return raw_close(undo), errno = ENOSPC, -1;
    note(undo, fd, where, total(parts, count), st.st_size);
    ssize_t n = is_at ? syscall(SYS_pwritev, fd, parts, count, offset, 0) : syscall(SYS_writev, fd, parts, count);
    int failed = errno;
    raw_close(undo);
    errno = failed;
    return n;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t n) {
    struct iovec one = {(void *)bytes, n};
    return written(fd, &one, 1, 0, 0);
}
EXPORT ssize_t writev(int fd, const struct iovec *parts, int count) { return written(fd, parts, count, 0, 0); }
EXPORT ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset) {
    struct iovec one = {(void *)bytes, n};
    return written(fd, &one, 1, offset, 1);
}
EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t offset) { return pwrite(fd, bytes, n, offset); }
EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return written(fd, parts, count, offset, 1);
}
EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
    return written(fd, parts, count, offset, 1);
}
EXPORT ssize_t copy_file_range(int in, off_t *from, int out, off_t *to, size_t n, unsigned flags) {
    struct stat st;
    if (tracked(out, &st, S_IFREG)) return errno = EXDEV, -1; /* callers fall back on read and write */
    return syscall(SYS_copy_file_range, in, from, out, to, n, flags);
}

static int resized(int fd, long long length) {
    struct stat st;
    if (!tracked(fd, &st, S_IFREG)) return (int)syscall(SYS_ftruncate, fd, length);
    int undo = undo_of(st.st_ino);
    fstat(fd, &st);
    if (length > st.st_size && is_full_at(fd)) return raw_close(undo), errno = ENOSPC, -1;
    if (length < st.st_size) note(undo, fd, length, st.st_size - length, st.st_size);
    if (length > st.st_size) note(undo, fd, st.st_size, length - st.st_size, st.st_size);
    int done = (int)syscall(SYS_ftruncate, fd, length), failed = errno;
    raw_close(undo);
    errno = failed;
    return done;
}

EXPORT int ftruncate(int fd, off_t length) { return resized(fd, length); }
EXPORT int ftruncate64(int fd, off_t length) { return resized(fd, length); }
EXPORT int truncate(const char *path, off_t length) {
    int fd = raw_open(path, O_WRONLY, 0);
    if (fd < 0) return -1;
    int done = resized(fd, length), failed = errno;
    raw_close(fd);
    errno = failed;
    return done;
}
EXPORT int truncate64(const char *path, off_t length) { return truncate(path, length); }

EXPORT int posix_fallocate(int fd, off_t offset, off_t length) {
    struct stat st;
    if (!tracked(fd, &st, S_IFREG)) return syscall(SYS_fallocate, fd, 0, offset, length) ? errno : 0;
    if (offset + length > st.st_size && is_full_at(fd)) return ENOSPC;
    return offset + length > st.st_size && resized(fd, offset + length) ? errno : 0;
}
EXPORT int posix_fallocate64(int fd, off_t offset, off_t length) { return posix_fallocate(fd, offset, length); }

static int synced(int fd) {
    struct stat st;
    if (!tracked(fd, &st, S_IFDIR)) return (int)syscall(SYS_fsync, fd);
    if ((st.st_mode & S_IFMT) == S_IFREG) {
        int undo = undo_of(st.st_ino);
        syscall(SYS_ftruncate, undo, 0);
        raw_close(undo);
    }
    int names = locked("names");
    settle(names, st.st_ino);
    raw_close(names);
    return 0;
}
EXPORT int fsync(int fd) { return synced(fd); }
EXPORT int fdatasync(int fd) { return synced(fd); }
EXPORT int sync_file_range(int fd, off64_t offset, off64_t n, unsigned flags) {
    return (void)fd, (void)offset, (void)n, (void)flags, 0;
}

static int removed(int at, const char *path, int flags) {
    char full[PATH_MAX], saved[PATH_MAX];
    absolute(at, path, full);
    unsigned long long inode = is_below(full) ? inode_of(full) : 0;
    if (!inode) return (int)syscall(SYS_unlinkat, at, path, flags);
    int names = locked("names");
    if (flags & AT_REMOVEDIR) strcpy(saved, "-");
    else keep(full, saved);
    int done = (int)syscall(SYS_unlinkat, at, path, flags), failed = errno;
    if (done == 0)
        say(names, "%c\t%llu\t%llu\t0\t%s\t%s\n", flags & AT_REMOVEDIR ? 'D' : 'U', inode, folder_of(full), full, saved);
    raw_close(names);
    errno = failed;
    return done;
}
EXPORT int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
EXPORT int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
EXPORT int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }

static int renamed(int from, const char *old, int to, const char *new) {
    char was[PATH_MAX], is[PATH_MAX], saved[PATH_MAX] = "-";
    absolute(from, old, was);
    absolute(to, new, is);
    if (!is_below(was) && !is_below(is)) return (int)syscall(SYS_renameat2, from, old, to, new, 0);
    int names = locked("names");
    unsigned long long inode = inode_of(was);
    if (inode_of(is)) keep(is, saved);
    int done = (int)syscall(SYS_renameat2, from, old, to, new, 0), failed = errno;
    if (done == 0)
        say(names, "R\t%llu\t%llu\t%llu\t%s\t%s\t%s\n", inode, folder_of(was), folder_of(is), was, is, saved);
    raw_close(names);
    errno = failed;
    return done;
}
EXPORT int rename(const char *old, const char *new) { return renamed(AT_FDCWD, old, AT_FDCWD, new); }
EXPORT int renameat(int from, const char *old, int to, const char *new) { return renamed(from, old, to, new); }

static int added(const char *path, int is_folder, const char *old, int mode) {
    char full[PATH_MAX];
    absolute(AT_FDCWD, path, full);
    if (is_below(full) && is_full(full)) return errno = ENOSPC, -1;
    int names = is_below(full) ? locked("names") : -1;
    int done = (int)(is_folder ? syscall(SYS_mkdirat, AT_FDCWD, path, mode)
                               : syscall(SYS_linkat, AT_FDCWD, old, AT_FDCWD, path, 0));
    int failed = errno;
    if (done == 0 && names >= 0)
        say(names, "%c\t%llu\t%llu\t0\t%s\t-\n", is_folder ? 'M' : 'C', inode_of(full), folder_of(full), full);
    if (names >= 0) raw_close(names);
    errno = failed;
    return done;
}
EXPORT int mkdir(const char *path, mode_t mode) { return added(path, 1, 0, mode); }
EXPORT int link(const char *old, const char *path) { return added(path, 0, old, 0); }
