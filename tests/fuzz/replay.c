/* SPDX-License-Identifier: Apache-2.0 */
/* replay DIR: runs each file of DIR through the fuzz target, from memory
 * of exactly its size so that a sanitizer sees a read past it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static int replay(int dir, const char *name)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "%s: %s\n", name, strerror(errno));
        return 1;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size != 0 ? size : 1);
    int failed = !data || read(fd, data, size) != (ssize_t)size;
    close(fd);
    if (failed)
        fprintf(stderr, "%s: cannot be read\n", name);
    else
        LLVMFuzzerTestOneInput(data, size);
    free(data);
    return failed;
}

int main(int argc, char **argv)
{
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 2;
    }
    unsigned files = 0, failed = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        failed += (unsigned)replay(dirfd(dir), entry->d_name);
        files++;
    }
    closedir(dir);
    printf("%u inputs, %u failed\n", files, failed);
    return files == 0 || failed != 0;
}
