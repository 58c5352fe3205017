/* Polls the bench's identical devices with net-snmp's C library: the rival in its best way, one session and one GET each.
 *
 * usage: netsnmp_poll PORT DEVICES PORTS
 * For each line of standard input: one round, then "CPU-SECONDS COUNTERS" on standard output. Rates are made as we make them:
 * by the device's clock, 64-bit counters that fall give none, into columns.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST = 128 };
static const oid UPTIME[] = {1, 3, 6, 1, 2, 1, 1, 3, 0};
static const oid COUNTER[] = {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 0, 0}; /* the last two: 6 in or 10 out, ifIndex */

typedef struct {
    void *session;
    int known;
    unsigned long uptime;
    unsigned long long last[MOST];
} Device;

typedef struct {
    int device, cell;
    double value, seconds;
} Row;

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void *session_to(int number, const char *port) {
    netsnmp_session wanted;
    char peer[64];
    snprintf(peer, sizeof peer, "udp:127.1.%d.%d:%s", number / 250, number % 250 + 1, port);
    snmp_sess_init(&wanted);
    wanted.peername = peer;
    wanted.version = SNMP_VERSION_2c;
    wanted.community = (u_char *)"public";
    wanted.community_len = 6;
    return snmp_sess_open(&wanted);
}

static int poll_device(Device *device, int number, int ports, Row *rows) {
    netsnmp_pdu *request = snmp_pdu_create(SNMP_MSG_GET), *answer = NULL;
    oid name[sizeof COUNTER / sizeof *COUNTER];
    int found = 0, cell = 0;
    snmp_add_null_var(request, UPTIME, sizeof UPTIME / sizeof *UPTIME);
    memcpy(name, COUNTER, sizeof COUNTER);
    for (int column = 6; column <= 10; column += 4)
        for (int port = 1; port <= ports; port++) {
            name[10] = column; name[11] = port;
            snmp_add_null_var(request, name, sizeof name / sizeof *name);
        }
    if (snmp_sess_synch_response(device->session, request, &answer) != STAT_SUCCESS || answer->errstat) return -1;
    unsigned long uptime = *answer->variables->val.integer;
    double seconds = (unsigned int)(uptime - device->uptime) / 100.0;
    for (netsnmp_variable_list *v = answer->variables->next_variable; v; v = v->next_variable, cell++) {
        name[10] = cell < ports ? 6 : 10; name[11] = cell % ports + 1;
        if (v->type != ASN_COUNTER64 || snmp_oid_compare(v->name, v->name_length, name, 12)) return -1;
        unsigned long long count = (unsigned long long)v->val.counter64->high << 32 | v->val.counter64->low;
        if (device->known && seconds > 0 && count >= device->last[cell])
            rows[found++] = (Row){number, cell, (count - device->last[cell]) / seconds * 8, seconds};
        device->last[cell] = count;
    }
    device->uptime = uptime;
    device->known = 1;
    snmp_free_pdu(answer);
    return found;
}

int main(int count, char **words) {
    if (count < 4) { fprintf(stderr, "usage: netsnmp_poll PORT DEVICES PORTS\n"); return 2; }
    int devices = atoi(words[2]), ports = atoi(words[3]);
    char line[16];
    setenv("MIBS", "", 1);
    init_snmp("netsnmp_poll");
    Device *all = calloc(devices, sizeof *all);
    Row *rows = malloc(sizeof *rows * devices * 2 * ports);
    for (int i = 0; i < devices; i++)
        if (!(all[i].session = session_to(i, words[1]))) { fprintf(stderr, "no session\n"); return 1; }
    while (fgets(line, sizeof line, stdin)) {
        double begin = cpu();
        int made = 0;
        for (int i = 0; i < devices; i++) {
            int found = poll_device(&all[i], i, ports, rows + made);
            if (found < 0) { fprintf(stderr, "device %d gave no answer\n", i); return 1; }
            made += found;
        }
        printf("%.9f %d\n", cpu() - begin, made);
        fflush(stdout);
    }
    return 0;
}
