/* Sends the datagrams of a file (bench/flow_load.py) to 127.0.0.1 at a steady rate.

   flow_sender FILE PORT DATAGRAMS_PER_SECOND COUNT

   The file is repeated until COUNT datagrams are sent. Each exporter sends from an address of its own, 127.0.0.2 and up; the first
   EXPORTERS datagrams are the templates, which go out once, a little before the others. Prints what was sent, and in how long. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EXPORTERS = 8, GROUP = 16 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void pause_for(double seconds)
{
    struct timespec t = { (time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9) };
    nanosleep(&t, NULL);
}

static int open_from(int number, int port)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET };
    at.sin_addr.s_addr = htonl(0x7F000002 + number);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
        return -1;
    at.sin_addr.s_addr = htonl(0x7F000001);
    at.sin_port = htons(port);
    return connect(fd, (struct sockaddr *)&at, sizeof at) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "flow_sender FILE PORT DATAGRAMS_PER_SECOND COUNT\n");
        return 2;
    }
    int file = open(argv[1], O_RDONLY), sockets[EXPORTERS];
    struct stat about;
    if (file < 0 || fstat(file, &about) < 0)
        return 1;
    unsigned char *data = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    for (int i = 0; i < EXPORTERS; i++)
        if ((sockets[i] = open_from(i, atoi(argv[2]))) < 0)
            return 1;
    double rate = atof(argv[3]), begin = 0;
    long count = atol(argv[4]), sent = 0, failed = 0, at = 0, first = 0;
    while (sent < count + EXPORTERS) {
        int exporter = data[at] << 8 | data[at + 1], length = data[at + 2] << 8 | data[at + 3];
        failed += send(sockets[exporter % EXPORTERS], data + at + 4, length, 0) < 0;
        at += 4 + length;
        if (++sent == EXPORTERS) {
            first = at;
            pause_for(0.2);
            begin = now();
        }
        if (at >= about.st_size)
            at = first;
        if (sent > EXPORTERS && sent % GROUP == 0) {
            double ahead = begin + (sent - EXPORTERS) / rate - now();
            if (ahead > 20e-6)
                pause_for(ahead);
        }
    }
    printf("{\"sent\": %ld, \"failed\": %ld, \"seconds\": %.6f}\n", sent - EXPORTERS, failed, now() - begin);
    return 0;
}
