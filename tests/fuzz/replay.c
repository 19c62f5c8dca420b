/* replay.c - runs entries.c on the inputs of a folder. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int main(int argc, char **argv)
{
    static unsigned char data[1 << 16];
    char path[PATH_MAX];
    int count = 0;
    DIR *folder = opendir(argc > 1 ? argv[1] : ".");
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        FILE *file = fopen(path, "rb");
        if (file == NULL)
            return 1;
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        fprintf(stderr, "%s\n", entry->d_name); /* the last one is the one that fails */
        LLVMFuzzerTestOneInput(data, size);
        count++;
    }
    if (folder != NULL)
        closedir(folder);
    printf("%d inputs\n", count);
    return count == 0;
}
