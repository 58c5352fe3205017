/* Answers SNMP v1 and v2c for many devices at once, so that a bench measures who asks. For loopback only: it checks little.
 *
 * usage: snmp_responder PORT SECONDS FIRST KIND:COUNT...
 * Device number d listens on 127.1.(d / 250).(d % 250 + 1), numbers counted on from FIRST. KIND sets how many interfaces a device
 * has and where their ifIndex begins. Counters grow by the time since the start, as fast as the interface's number says.
 * Prints "ready" when it listens; ends after SECONDS, or when its standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ARCS = 16, KINDS = 5, OBJECTS = 4096, DATAGRAM = 65536, ANSWER = 60000, NAMES = 256 };
enum { INTEGER = 2, STRING = 4, OID = 6, SEQUENCE = 0x30, COUNTER32 = 0x41, GAUGE32 = 0x42, TICKS = 0x43, COUNTER64 = 0x46 };
enum { NO_SUCH_INSTANCE = 0x81, END_OF_VIEW = 0x82, GET = 0xA0, GET_NEXT = 0xA1, RESPONSE = 0xA2, GET_BULK = 0xA5 };

typedef struct {
    uint32_t arcs[ARCS];
    int count;
    uint8_t name[40]; /* encoded */
    int size;
    int tag;
    uint64_t base, per_second; /* of a number */
    char text[40];
} Object;

typedef struct {
    Object objects[OBJECTS];
    int count;
} Mib;

static const struct { int ports, first; } KIND[KINDS] = {{32, 1}, {24, 101}, {48, 1001}, {10, 1}, {16, 70001}};
static Mib mibs[KINDS];
static double started;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int put_length(uint8_t *out, int length) {
    if (length < 128) { out[0] = length; return 1; }
    if (length < 256) { out[0] = 0x81; out[1] = length; return 2; }
    out[0] = 0x82; out[1] = length >> 8; out[2] = length;
    return 3;
}

static int put_number(uint8_t *out, uint64_t value) {
    uint8_t low_first[9];
    int size = 0;
    do { low_first[size++] = value; value >>= 8; } while (value);
    if (low_first[size - 1] & 0x80) low_first[size++] = 0;
    for (int i = 0; i < size; i++) out[i] = low_first[size - 1 - i];
    return size;
}

static int put_name(uint8_t *out, const uint32_t *arcs, int count) {
    int size = 0;
    out[size++] = arcs[0] * 40 + arcs[1];
    for (int i = 2; i < count; i++) {
        int shift = 28;
        while (shift && !(arcs[i] >> shift)) shift -= 7;
        for (; shift; shift -= 7) out[size++] = 0x80 | (arcs[i] >> shift & 0x7F);
        out[size++] = arcs[i] & 0x7F;
    }
    return size;
}

static int get_name(const uint8_t *in, int size, uint32_t *arcs) {
    int count = 2;
    uint32_t value = 0;
    if (size < 1) return 0;
    arcs[0] = in[0] / 40; arcs[1] = in[0] % 40;
    for (int i = 1; i < size; i++) {
        value = value << 7 | (in[i] & 0x7F);
        if (in[i] & 0x80) continue;
        if (count < ARCS) arcs[count++] = value;
        value = 0;
    }
    return count;
}

static int compare(const uint32_t *a, int n, const uint32_t *b, int m) {
    for (int i = 0; i < n && i < m; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return n - m;
}

static int by_arcs(const void *a, const void *b) {
    const Object *x = a, *y = b;
    return compare(x->arcs, x->count, y->arcs, y->count);
}

static Object *add(Mib *mib, const char *dotted, uint32_t index, int tag) {
    Object *object = &mib->objects[mib->count++];
    object->tag = tag;
    for (const char *at = dotted; *at; at += *at == '.') object->arcs[object->count++] = strtoul(at, (char **)&at, 10);
    object->arcs[object->count++] = index;
    object->size = put_name(object->name, object->arcs, object->count);
    return object;
}

static void add_port(Mib *mib, uint32_t index, int number) {
    static const struct { const char *column; int tag; uint64_t base, per_second; } COLUMNS[] = {
        {"1.3.6.1.2.1.2.2.1.7", INTEGER, 1, 0}, {"1.3.6.1.2.1.2.2.1.8", INTEGER, 1, 0},
        {"1.3.6.1.2.1.2.2.1.10", COUNTER32, 900000000, 40000}, {"1.3.6.1.2.1.2.2.1.16", COUNTER32, 800000000, 30000},
        {"1.3.6.1.2.1.2.2.1.14", COUNTER32, 70000, 0}, {"1.3.6.1.2.1.2.2.1.20", COUNTER32, 300, 0},
        {"1.3.6.1.2.1.31.1.1.1.6", COUNTER64, 700000000000, 125000}, {"1.3.6.1.2.1.31.1.1.1.10", COUNTER64, 600000000000, 90000},
        {"1.3.6.1.2.1.31.1.1.1.15", GAUGE32, 1000, 0},
    };
    for (size_t i = 0; i < sizeof COLUMNS / sizeof *COLUMNS; i++) {
        Object *object = add(mib, COLUMNS[i].column, index, COLUMNS[i].tag);
        object->per_second = COLUMNS[i].per_second * number;
        object->base = COLUMNS[i].base + object->per_second * 1000;
    }
    Object *name = add(mib, "1.3.6.1.2.1.31.1.1.1.1", index, STRING);
    snprintf(name->text, sizeof name->text, "Te1/0/%d", number);
}

static void build(Mib *mib, int kind) {
    snprintf(add(mib, "1.3.6.1.2.1.1.1", 0, STRING)->text, 40, "bench device of kind %d", kind);
    snprintf(add(mib, "1.3.6.1.2.1.1.5", 0, STRING)->text, 40, "bench");
    Object *uptime = add(mib, "1.3.6.1.2.1.1.3", 0, TICKS);
    uptime->base = 123456789; uptime->per_second = 100;
    add(mib, "1.3.6.1.6.3.10.2.1.2", 0, INTEGER)->base = 7;
    Object *engine = add(mib, "1.3.6.1.6.3.10.2.1.3", 0, INTEGER);
    engine->base = 1234567; engine->per_second = 1;
    for (int i = 0; i < kind; i++) add(mib, "1.3.6.1.2.1.25.3.3.1.2", i + 1, INTEGER)->base = 20 + i;
    for (int i = 0; i < KIND[kind].ports; i++) add_port(mib, KIND[kind].first + i, i + 1);
    qsort(mib->objects, mib->count, sizeof *mib->objects, by_arcs);
}

/* The first object that is not before (after: that is behind) a name. */
static int search(const Mib *mib, const uint32_t *arcs, int count, int after) {
    int low = 0, high = mib->count;
    while (low < high) {
        int middle = (low + high) / 2;
        const Object *object = &mib->objects[middle];
        if (compare(object->arcs, object->count, arcs, count) < after) low = middle + 1;
        else high = middle;
    }
    return low;
}

static int put_binding(uint8_t *out, const uint8_t *name, int size, int tag, const Object *object, double elapsed) {
    uint8_t value[48];
    int length = 0;
    if (object && tag == STRING) { length = strlen(object->text); memcpy(value, object->text, length); }
    else if (object) {
        uint64_t number = object->base + (uint64_t)(object->per_second * elapsed);
        length = put_number(value, tag == COUNTER64 ? number : (uint32_t)number);
    }
    int at = 0;
    out[at++] = SEQUENCE; out[at++] = 2 + size + 2 + length;
    out[at++] = OID; out[at++] = size;
    memcpy(out + at, name, size); at += size;
    out[at++] = tag; out[at++] = length;
    memcpy(out + at, value, length);
    return at + length;
}

/* The header of an element: its size, or 0 where it does not fit. */
static int header(const uint8_t *at, const uint8_t *end, int *tag, int *length) {
    if (end - at < 2) return 0;
    int size = 2;
    *tag = at[0]; *length = at[1];
    if (*length & 0x80) {
        int more = *length & 0x7F;
        if (more > 2 || end - at < 2 + more) return 0;
        *length = 0;
        for (int i = 0; i < more; i++) *length = *length << 8 | at[size++];
    }
    return end - at < size + *length ? 0 : size;
}

typedef struct {
    int pdu, count;
    long first, second; /* non-repeaters and repetitions of a GetBulk */
    const uint8_t *head, *id, *names[NAMES];
    int head_size, id_size, sizes[NAMES];
} Request;

static int parse(const uint8_t *in, int size, Request *request) {
    const uint8_t *at = in, *end = in + size;
    int tag, length, skip;
    if (!(skip = header(at, end, &tag, &length)) || tag != SEQUENCE) return 0;
    request->head = at += skip;
    for (int i = 0; i < 2; i++) { /* version, community */
        if (!(skip = header(at, end, &tag, &length))) return 0;
        at += skip + length;
    }
    request->head_size = at - request->head;
    if (!(skip = header(at, end, &request->pdu, &length))) return 0;
    request->id = at += skip;
    long numbers[3];
    for (int i = 0; i < 3; i++) {
        if (!(skip = header(at, end, &tag, &length))) return 0;
        numbers[i] = 0;
        for (int j = 0; j < length; j++) numbers[i] = numbers[i] << 8 | at[skip + j];
        at += skip + length;
        if (i == 0) request->id_size = at - request->id;
    }
    request->first = numbers[1]; request->second = numbers[2];
    if (!(skip = header(at, end, &tag, &length))) return 0;
    at += skip;
    for (request->count = 0; at < end && request->count < NAMES; request->count++) {
        int inner, name_length;
        if (!(skip = header(at, end, &tag, &length)) || !(inner = header(at + skip, end, &tag, &name_length))) return 0;
        request->names[request->count] = at + skip + inner;
        request->sizes[request->count] = name_length;
        at += skip + length;
    }
    return 1;
}

static int put_exact(const Mib *mib, const Request *r, uint8_t *out, double elapsed) {
    int size = 0;
    for (int i = 0; i < r->count && size < ANSWER; i++) {
        uint32_t arcs[ARCS];
        int count = get_name(r->names[i], r->sizes[i], arcs), place = search(mib, arcs, count, 0);
        const Object *object = place < mib->count ? &mib->objects[place] : NULL;
        if (object && compare(object->arcs, object->count, arcs, count)) object = NULL;
        size += put_binding(out + size, r->names[i], r->sizes[i], object ? object->tag : NO_SUCH_INSTANCE, object, elapsed);
    }
    return size;
}

static int put_following(const Mib *mib, const Request *r, uint8_t *out, double elapsed) {
    int size = 0, places[NAMES];
    long single = r->pdu == GET_BULK ? r->first : r->count, rounds = r->pdu == GET_BULK ? r->second : 0;
    for (int i = 0; i < r->count; i++) {
        uint32_t arcs[ARCS];
        places[i] = search(mib, arcs, get_name(r->names[i], r->sizes[i], arcs), 1);
    }
    for (long round = 0; round < (rounds ? rounds : 1); round++)
        for (int i = round ? single : 0; i < (rounds ? r->count : single); i++) {
            if (size > 1380 && r->pdu == GET_BULK) return size;
            const Object *object = places[i] < mib->count ? &mib->objects[places[i]] : NULL;
            const Object *last = object ? object : &mib->objects[mib->count - 1];
            size += put_binding(out + size, last->name, last->size, object ? object->tag : END_OF_VIEW, object, elapsed);
            if (i >= single) places[i]++;
        }
    return size;
}

static int answer(const Mib *mib, const uint8_t *in, int size, uint8_t *out) {
    static uint8_t body[DATAGRAM];
    static const uint8_t NO_ERROR[] = {INTEGER, 1, 0, INTEGER, 1, 0, SEQUENCE};
    uint8_t lengths[3][4];
    Request r;
    if (!parse(in, size, &r)) return 0;
    double elapsed = now() - started;
    int body_size = r.pdu == GET ? put_exact(mib, &r, body, elapsed) : put_following(mib, &r, body, elapsed);
    int list = put_length(lengths[0], body_size);
    int pdu_size = r.id_size + sizeof NO_ERROR + list + body_size, pdu = put_length(lengths[1], pdu_size);
    int whole = put_length(lengths[2], r.head_size + 1 + pdu + pdu_size), at = 0;
#define PUT(from, bytes) (memcpy(out + at, from, bytes), at += (bytes))
    out[at++] = SEQUENCE; PUT(lengths[2], whole); PUT(r.head, r.head_size);
    out[at++] = RESPONSE; PUT(lengths[1], pdu); PUT(r.id, r.id_size);
    PUT(NO_ERROR, (int)sizeof NO_ERROR); PUT(lengths[0], list); PUT(body, body_size);
    return at;
}

static void listen_as(int poll, int device, int port, int kind) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(0x7F010000u + device / 250 * 256 + device % 250 + 1);
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (socket_ < 0 || bind(socket_, (void *)&address, sizeof address)) { perror("snmp_responder"); exit(1); }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | (uint32_t)socket_};
    epoll_ctl(poll, EPOLL_CTL_ADD, socket_, &event);
}

int main(int count, char **words) {
    static uint8_t in[DATAGRAM], out[DATAGRAM];
    if (count < 5) { fprintf(stderr, "usage: snmp_responder PORT SECONDS FIRST KIND:COUNT...\n"); return 2; }
    int poll = epoll_create1(0), device = atoi(words[3]);
    started = now();
    for (int kind = 0; kind < KINDS; kind++) build(&mibs[kind], kind);
    for (int i = 4; i < count; i++) {
        int kind = atoi(words[i]) % KINDS, devices = atoi(strchr(words[i], ':') + 1);
        while (devices-- > 0) listen_as(poll, device++, atoi(words[1]), kind);
    }
    struct epoll_event end = {.events = EPOLLIN | EPOLLHUP, .data.u64 = 0}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &end);
    puts("ready"); fflush(stdout);
    while (now() - started < atof(words[2])) {
        int ready = epoll_wait(poll, events, 256, 1000);
        for (int i = 0; i < ready; i++) {
            if (!events[i].data.u64) return 0;
            int socket_ = (int)(events[i].data.u64 & 0xFFFFFFFF), size;
            const Mib *mib = &mibs[events[i].data.u64 >> 32];
            struct sockaddr_in from;
            socklen_t length = sizeof from;
            while ((size = recvfrom(socket_, in, sizeof in, 0, (void *)&from, &length)) > 0)
                if ((size = answer(mib, in, size, out)) > 0) sendto(socket_, out, size, 0, (void *)&from, length);
        }
    }
    return 0;
}
