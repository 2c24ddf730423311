/* What the system tells of the process, under the names that Prometheus's libraries have for it. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "server/metrics.h"
#include "server/metrics_text.h"
#include "server/server.h"

#define NETSTAT_SIZE_MAX 65536

static size_t open_fd_count(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the folder itself */
}

/* A number of the line that begins so, by its name in the line of names before it. */
static bool netstat_find(const char *text, const char *line, const char *name, double *ret_value)
{
    const char *names = strstr(text, line);
    const char *values = names ? strstr(names + 1, line) : NULL;
    if (!values)
        return false;
    names += strlen(line);
    values += strlen(line);
    for (;;) {
        size_t name_len = strcspn(names += strspn(names, " "), " \n");
        size_t value_len = strcspn(values += strspn(values, " "), " \n");
        if (name_len == 0 || value_len == 0)
            return false;
        if (name_len == strlen(name) && memcmp(names, name, name_len) == 0) {
            *ret_value = strtod(values, NULL);
            return true;
        }
        names += name_len;
        values += value_len;
    }
}

/* Of the network that the process sees: the kernel counts no others. */
static void print_network(struct buf *out)
{
    AUTO(buf_done) struct buf text = {0};
    struct err err;
    double bytes;
    if (!file_read("/proc/self/net/netstat", NETSTAT_SIZE_MAX, &text, &err))
        return;
    if (netstat_find(buf_terminated(&text), "\nIpExt:", "InOctets", &bytes))
        put_counter(out, "process_network_receive_bytes_total",
                    "Bytes that came over the network of the process.", bytes);
    if (netstat_find(buf_terminated(&text), "\nIpExt:", "OutOctets", &bytes))
        put_counter(out, "process_network_transmit_bytes_total",
                    "Bytes that were sent over the network of the process.", bytes);
}

void metrics_print_process(struct server *server, struct buf *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    put_counter(out, "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.", cpu);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put_gauge(out, "process_max_fds", "Maximum number of open file descriptors.",
                  (double)limit.rlim_cur);
    put_gauge(out, "process_open_fds", "Number of open file descriptors.", (double)open_fd_count());

    AUTO(buf_done) struct buf statm = {0};
    struct err err;
    if (file_read("/proc/self/statm", 4096, &statm, &err)) {
        char *behind;
        unsigned long long virtual_pages = strtoull(buf_terminated(&statm), &behind, 10);
        unsigned long long resident_pages = strtoull(behind, NULL, 10);
        double page = (double)sysconf(_SC_PAGESIZE);
        put_gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes.",
                  (double)resident_pages * page);
        put_gauge(out, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
                  (double)virtual_pages * page);
    }
    if (getrlimit(RLIMIT_AS, &limit) == 0)
        put_gauge(out, "process_virtual_memory_max_bytes",
                  "Maximum amount of virtual memory available in bytes.", (double)limit.rlim_cur);
    put_gauge(out, "process_start_time_seconds",
              "Start time of the process since unix epoch in seconds.",
              (double)server->start_ms / 1000);
    print_network(out);
}
