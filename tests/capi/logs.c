/* Log files: writing, reading, headers, directories; what the legacy system wrote; and what goes wrong. */
#include "scratch.h"

#define SECOND INT64_C(1000000000)
#define ORIGIN (INT64_C(1463012407) * SECOND + 123456000) /* 2016-05-12 00:20:07.123456 */

#define HEADER_OF(type)                                                                                        \
    "#-----------------------------------------------------------------\n"                                     \
    "# MCL_LOG\n"                                                                                              \
    "#     -- version     1.0\n"                                                                               \
    "#     -- revision    \n"                                                                                  \
    "#     -- created     2016-05-12 00:20:07.123456\n"                                                        \
    "#\n"                                                                                                      \
    "#      >>> " type "\n"                                                                                    \
    "#\n"                                                                                                      \
    "#     <Time>    <Topic>     <Payload>\n"                                                                  \
    "#-----------------------------------------------------------------\n"

static mcl_log_writer *create(const char *prefix, const mcl_log_writer_options *options)
{
    mcl_log_writer *w;
    MUST(mcl_log_writer_open(prefix, options, &w, &error));
    return w;
}

static mcl_log_reader *open_log(const char *path, const mcl_log_reader_options *options)
{
    mcl_log_reader *r;
    MUST(mcl_log_reader_open(path, options, &r, &error));
    return r;
}

static void write_int(mcl_log_writer *w, const char *topic, uint8_t value, int64_t elapsed)
{
    MUST(mcl_log_writer_write(w, topic, MCL_NUL, &value, 1, ORIGIN + elapsed, &error));
}

/* What is left to read, in one line: "elapsed in ms:topic:first byte of payload" of each, or an error's code. */
static const char *rest(mcl_log_reader *r)
{
    static char line[4096];
    static char buffer[1 << 16];
    mcl_log_record records[3]; /* fewer than most logs here have */
    size_t used = 0;
    int n;
    line[0] = 0;
    while ((n = mcl_log_reader_read(r, records, 3, buffer, sizeof buffer, NULL, &error)) != 0 && used < sizeof line - 100) {
        if (n < 0)
            used += (size_t)sprintf(line + used, "%s%d", used > 0 ? " " : "", n);
        if (n < 0 && n != MCL_EFORMAT)
            break;
        for (int i = 0; i < n; i++)
            used += (size_t)sprintf(line + used, "%s%lld:%.*s:%d", used > 0 ? " " : "",
                                    (long long)(records[i].elapsed / 1000000), (int)records[i].topic_size,
                                    records[i].topic, ((const uint8_t *)records[i].payload)[0]);
    }
    return line;
}

#define READS(expected, reader)                                                                                \
    do {                                                                                                       \
        const char *got_ = rest(reader);                                                                       \
        checks++;                                                                                              \
        if (strcmp(got_, expected) != 0) {                                                                     \
            failures++;                                                                                        \
            fprintf(stderr, "%s:%d: read \"%s\", not \"%s\"\n", __FILE__, __LINE__, got_, expected);           \
        }                                                                                                      \
    } while (0)

static void write_and_read(void)
{
    const char *prefix = in_scratch("first"), *log = in_scratch("first.log"), *tmp = in_scratch("first.tmp");
    mcl_log_writer_options o = MCL_LOG_WRITER_OPTIONS_INIT;
    o.type_name = "Imu", o.revision = "abc", o.has_time_origin = MCL_ON, o.time_origin = ORIGIN;
    mcl_log_writer *w = create(prefix, &o);
    CHECK(!exists(tmp) && !exists(log)); /* created by the first entry */
    mcl_log_writer_stats s = {.size = sizeof s};
    MUST(mcl_log_writer_get_stats(w, &s, NULL, &error));
    EQUAL(0, s.entries + s.buffered + s.dropped + s.errors + s.files + s.bytes);

    write_int(w, "a", 1, 0);
    write_int(w, NULL, 2, SECOND / 2);
    MUST(mcl_log_writer_write(w, "it's", 4, "\xa2hi", 3, ORIGIN + SECOND, &error));
    MUST(mcl_log_writer_write(w, "", 0, "\xc0", 1, ORIGIN + 2 * SECOND + 1999, &error));
    MUST(mcl_log_writer_get_stats(w, &s, NULL, &error));
    EQUAL(4, s.entries + s.buffered);
    MUST(mcl_log_writer_flush(w, &error));
    mcl_error last = {.code = 1, .text = "x"};
    MUST(mcl_log_writer_get_stats(w, &s, &last, &error));
    CHECK(s.entries == 4 && s.buffered == 0 && s.dropped == 0 && s.errors == 0 && s.files == 1);
    CHECK(last.code == MCL_OK && last.system == 0 && last.text[0] == 0);
    char *text = file_text(tmp);
    EQUAL(strlen(text), s.bytes);
    free(text);

    /* While it is written it can be read: by its prefix, and by its name. */
    const char *all = "0:a:1 500::2 1000:it's:162 2000::192";
    mcl_log_reader *r = open_log(prefix, NULL);
    READS(all, r);
    MUST(mcl_log_reader_close(r));

    FAILS(MCL_EFORMAT, mcl_log_writer_write(w, NULL, 0, "", 0, ORIGIN, &error));
    FAILS(MCL_EFORMAT, mcl_log_writer_write(w, NULL, 0, "\x01\x02", 2, ORIGIN, &error));
    FAILS(MCL_EFORMAT, mcl_log_writer_write(w, NULL, 0, "\xa2h", 2, ORIGIN, &error));
    FAILS(MCL_EINVAL, mcl_log_writer_write(w, NULL, 3, "\x01", 1, ORIGIN, &error));
    SAYS("topic");
    FAILS(MCL_EINVAL, mcl_log_writer_write(w, "", 0, NULL, 1, ORIGIN, &error));
    SAYS("packed");

    memset(&s, 0x77, sizeof s);
    s.size = offsetof(mcl_log_writer_stats, bytes);
    MUST(mcl_log_writer_close(w, &s, &error));
    EQUAL(4, s.entries);
    EQUAL(0x7777777777777777, s.bytes);
    CHECK(exists(log) && !exists(tmp));
    FAILS(MCL_ECLOSED, mcl_log_writer_close(w, &s, &error));
    FAILS(MCL_ECLOSED, mcl_log_writer_write(w, NULL, 0, "\x01", 1, ORIGIN, &error));

    r = open_log(prefix, NULL);
    READS(all, r);
    EQUAL(0, mcl_log_reader_pending(r, &error));
    READS("", r);
    MUST(mcl_log_reader_reset(r, &error));
    EQUAL(1, mcl_log_reader_pending(r, &error));
    READS(all, r);
    MUST(mcl_log_reader_close(r));
    EQUAL(MCL_ECLOSED, mcl_log_reader_close(r));
    r = open_log(log, NULL);
    READS(all, r);
    MUST(mcl_log_reader_close(r));
}

static void headers(void)
{
    mcl_log_reader *r = open_log(in_scratch("first"), NULL);
    char buffer[4096], *text = file_text(in_scratch("first.log"));
    size_t needed = 0;
    mcl_log_header h;
    memset(&h, 0x77, sizeof h);
    h.size = sizeof h;
    MUST(mcl_log_reader_get_header(r, 0, &h, buffer, sizeof buffer, &needed, &error));
    EQUAL(ORIGIN, h.created);
    EQUAL(strlen(h.text), h.end);
    CHECK(strncmp(text, h.text, (size_t)h.end) == 0 && text[h.end] == ' ');
    CHECK(strcmp(h.version, MCL_LOG_VERSION) == 0);
    CHECK(strcmp(h.revision, "abc") == 0 && strcmp(h.type_name, "Imu") == 0);
    CHECK(strcmp(h.path, in_scratch("first.log")) == 0);
    CHECK(strstr(h.text, "# MCL_LOG\n#     -- version     1.0\n#     -- revision    abc\n"
                         "#     -- created     2016-05-12 00:20:07.123456\n") != NULL);
    EQUAL(strlen(h.text) + strlen(h.version) + strlen(h.revision) + strlen(h.type_name) + strlen(h.path) + 5, needed);

    size_t exact = needed;
    needed = 0;
    memset(buffer, '#', sizeof buffer);
    FAILS(MCL_EBUFFER, mcl_log_reader_get_header(r, 0, &h, buffer, exact - 1, &needed, &error));
    EQUAL(exact, needed);
    CHECK(buffer[0] == '#');
    MUST(mcl_log_reader_get_header(r, 0, &h, buffer, exact, NULL, &error));
    CHECK(buffer[exact] == '#');
    FAILS(MCL_EBUFFER, mcl_log_reader_get_header(r, 0, &h, NULL, 0, &needed, &error));
    FAILS(MCL_EUNKNOWN, mcl_log_reader_get_header(r, 1, &h, buffer, sizeof buffer, &needed, &error));
    FAILS(MCL_EUNKNOWN, mcl_log_reader_get_header(r, SIZE_MAX, &h, buffer, sizeof buffer, &needed, &error));
    FAILS(MCL_EINVAL, mcl_log_reader_get_header(r, 0, NULL, buffer, sizeof buffer, &needed, &error));
    FAILS(MCL_EINVAL, mcl_log_reader_get_header(r, 0, &h, NULL, 1, &needed, &error));

    /* An older header's struct. */
    memset(&h, 0x77, sizeof h);
    h.size = offsetof(mcl_log_header, end);
    MUST(mcl_log_reader_get_header(r, 0, &h, buffer, sizeof buffer, &needed, &error));
    EQUAL(ORIGIN, h.created);
    EQUAL(0x7777777777777777, h.end);
    h.size = 0;
    FAILS(MCL_EINVAL, mcl_log_reader_get_header(r, 0, &h, buffer, sizeof buffer, &needed, &error));
    MUST(mcl_log_reader_close(r));
    free(text);
}

static void options(void)
{
    mcl_log_writer *w = (void *)1;
    mcl_log_reader *r = (void *)1;
    FAILS(MCL_EINVAL, mcl_log_writer_open(NULL, NULL, &w, &error));
    CHECK(w == NULL);
    FAILS(MCL_EINVAL, mcl_log_writer_open(in_scratch("x"), NULL, NULL, &error));
    FAILS(MCL_EINVAL, mcl_log_writer_open("", NULL, &w, &error));
    FAILS(MCL_EINVAL, mcl_log_writer_open(in_scratch("x.log"), NULL, &w, &error));
    SAYS(".log");
    FAILS(MCL_EINVAL, mcl_log_writer_open(in_scratch("x.tmp"), NULL, &w, &error));
    FAILS(MCL_EEXISTS, mcl_log_writer_open(in_scratch("first"), NULL, &w, &error));
    SAYS("first.log");
    FAILS(MCL_ESYSTEM, mcl_log_writer_open(in_scratch("none/x"), NULL, &w, &error));
    EQUAL(ENOENT, error.system);
    SAYS("none");

#define BAD(field, value)                                                                                      \
    do {                                                                                                       \
        mcl_log_writer_options o_ = MCL_LOG_WRITER_OPTIONS_INIT;                                                             \
        o_.field = value;                                                                                      \
        FAILS(MCL_EINVAL, mcl_log_writer_open(in_scratch("x"), &o_, &w, &error));                                   \
    } while (0)
    BAD(has_time_origin, 2);
    SAYS("options.has_time_origin");
    BAD(max_entries, -1);
    BAD(max_time, -1);
    BAD(type_name, "a\nb");
    BAD(revision, "a\nb");
    BAD(existing, 3);
    SAYS("(existing)");
    BAD(existing, -1);
    BAD(unbuffered, 2);
    SAYS("options.unbuffered");
    BAD(size, 0);
    SAYS("_INIT");
    BAD(size, SIZE_MAX);

    struct {
        mcl_log_writer_options known;
        unsigned char tail[8];
    } grown = {.known = MCL_LOG_WRITER_OPTIONS_INIT};
    grown.known.size = sizeof grown;
    MUST(mcl_log_writer_open(in_scratch("x"), &grown.known, &w, &error));
    MUST(mcl_log_writer_close(w, NULL, &error)); /* without an entry there is no file */
    CHECK(!exists(in_scratch("x.log")) && !exists(in_scratch("x.tmp")));
    grown.tail[0] = 1;
    FAILS(MCL_EINVAL, mcl_log_writer_open(in_scratch("x"), &grown.known, &w, &error));
    SAYS("does not have");
    /* What an older header does not have is zero, whatever lies there. */
    mcl_log_writer_options old = MCL_LOG_WRITER_OPTIONS_INIT;
    old.size = offsetof(mcl_log_writer_options, max_entries), old.max_entries = -1, old.existing = 9;
    MUST(mcl_log_writer_open(in_scratch("x"), &old, &w, &error));
    mcl_log_writer_stats s = {.size = 0};
    FAILS(MCL_EINVAL, mcl_log_writer_get_stats(w, NULL, NULL, &error));
    FAILS(MCL_EINVAL, mcl_log_writer_get_stats(w, &s, NULL, &error));
    FAILS(MCL_EINVAL, mcl_log_writer_close(w, &s, &error)); /* closes nothing */
    MUST(mcl_log_writer_close(w, NULL, &error));

    FAILS(MCL_EINVAL, mcl_log_reader_open(NULL, NULL, &r, &error));
    CHECK(r == NULL);
    FAILS(MCL_EINVAL, mcl_log_reader_open(in_scratch("first"), NULL, NULL, &error));
    FAILS(MCL_EINVAL, mcl_log_reader_open_directory(NULL, NULL, &r, &error));
    FAILS(MCL_EINVAL, mcl_log_reader_open_directory(in_scratch(""), NULL, NULL, &error));
    FAILS(MCL_ESYSTEM, mcl_log_reader_open(in_scratch("none"), NULL, &r, &error));
    EQUAL(ENOENT, error.system);
    SAYS("none");
    FAILS(MCL_ESYSTEM, mcl_log_reader_open_directory(in_scratch("none"), NULL, &r, &error));
    EQUAL(ENOENT, error.system);
    FAILS(MCL_ESYSTEM, mcl_log_reader_open(in_scratch(""), NULL, &r, &error));
    SAYS("directory");
    FAILS(MCL_ESYSTEM, mcl_log_reader_open_directory(in_scratch("first.log"), NULL, &r, &error));
    EQUAL(ENOTDIR, error.system);
    mcl_log_reader_options ro = MCL_LOG_READER_OPTIONS_INIT;
    ro.has_min_time = 2;
    FAILS(MCL_EINVAL, mcl_log_reader_open(in_scratch("first"), &ro, &r, &error));
    SAYS("options.has_min_time");
    ro.has_min_time = MCL_ON, ro.has_max_time = -2;
    FAILS(MCL_EINVAL, mcl_log_reader_open(in_scratch("first"), &ro, &r, &error));
    ro.has_max_time = MCL_ON, ro.min_time = 2, ro.max_time = 1;
    FAILS(MCL_EINVAL, mcl_log_reader_open(in_scratch("first"), &ro, &r, &error));
    ro = (mcl_log_reader_options)MCL_LOG_READER_OPTIONS_INIT;
    ro.refuse_raw = 3;
    FAILS(MCL_EINVAL, mcl_log_reader_open_directory(in_scratch(""), &ro, &r, &error));
    ro.size = 1;
    FAILS(MCL_EINVAL, mcl_log_reader_open(in_scratch("first"), &ro, &r, &error));
}

/* Small buffers and many records: nothing is lost in between. */
static void buffers(void)
{
    mcl_log_reader *r = open_log(in_scratch("first"), NULL);
    mcl_log_record records[10];
    char buffer[64];
    size_t needed = 0;
    EQUAL(0, mcl_log_reader_read(r, NULL, 0, NULL, 0, NULL, &error));
    FAILS(MCL_EINVAL, mcl_log_reader_read(r, NULL, 1, buffer, sizeof buffer, NULL, &error));
    FAILS(MCL_EINVAL, mcl_log_reader_read(r, records, 1, NULL, 1, NULL, &error));
    FAILS(MCL_EBUFFER, mcl_log_reader_read(r, records, 10, NULL, 0, &needed, &error));
    EQUAL(1 + 1 + 4, needed); /* topic, payload, "Imu" and its NUL */
    FAILS(MCL_EBUFFER, mcl_log_reader_read(r, records, 10, buffer, 5, &needed, &error));
    SAYS("6");
    EQUAL(1, mcl_log_reader_pending(r, &error));
    memset(buffer, '#', sizeof buffer);
    EQUAL(1, mcl_log_reader_read(r, records, 10, buffer, 6, NULL, &error));
    EQUAL('#', buffer[6]);
    CHECK(records[0].elapsed == 0 && records[0].topic_size == 1 && records[0].topic[0] == 'a');
    CHECK(records[0].payload_size == 1 && ((const char *)records[0].payload)[0] == 1);
    EQUAL(0, strcmp("Imu", records[0].type_name));
    /* The second takes 5; the third would take 7 more, its type's name being there already. */
    EQUAL(1, mcl_log_reader_read(r, records, 10, buffer, 11, NULL, &error));
    EQUAL(SECOND / 2, records[0].elapsed);
    EQUAL(0, records[0].topic_size);
    EQUAL(1, mcl_log_reader_pending(r, &error));
    EQUAL(2, mcl_log_reader_read(r, records, 10, buffer, 12, &needed, &error));
    EQUAL(SECOND, records[0].elapsed);
    CHECK(memcmp(records[0].topic, "it's", 4) == 0 && memcmp(records[0].payload, "\xa2hi", 3) == 0);
    EQUAL(2 * SECOND, records[1].elapsed - records[1].elapsed % 1000);
    CHECK(records[1].type_name == records[0].type_name);
    EQUAL(0, mcl_log_reader_pending(r, &error));
    EQUAL(0, mcl_log_reader_read(r, records, 10, buffer, sizeof buffer, NULL, &error));

    /* A reset forgets what did not fit. */
    MUST(mcl_log_reader_reset(r, &error));
    EQUAL(1, mcl_log_reader_read(r, records, 1, buffer, sizeof buffer, NULL, &error));
    FAILS(MCL_EBUFFER, mcl_log_reader_read(r, records, 1, buffer, 1, NULL, &error));
    MUST(mcl_log_reader_reset(r, &error));
    EQUAL(1, mcl_log_reader_read(r, records, 1, buffer, sizeof buffer, NULL, &error));
    EQUAL(0, records[0].elapsed);
    MUST(mcl_log_reader_close(r));
}

/* A bad line is told after what was before it, and reading goes on after it. */
static void bad_lines(void)
{
    put_file(in_scratch("bad.log"), HEADER_OF("Imu")
             "     0.00000    'a'         01\n"
             "     0.10000    'a'         02\r\n"
             "     garbage\n"
             "     0.20000    'a'         03\n"
             "     0.30000    'a'         0102\n"
             "     0.40000    'a'         a2\n"
             "     0.50000    'a'         04\n"
             "     0.60000    'a'         a26");
    mcl_log_reader *r = open_log(in_scratch("bad"), NULL);
    READS("0:a:1 100:a:2 -7 200:a:3 -7 -7 500:a:4", r);
    uint64_t torn;
    MUST(mcl_log_reader_torn(r, &torn, &error));
    EQUAL(1, torn);
    FAILS(MCL_EINVAL, mcl_log_reader_torn(r, NULL, &error));
    MUST(mcl_log_reader_reset(r, &error));
    mcl_log_record records[10];
    char buffer[100];
    EQUAL(2, mcl_log_reader_read(r, records, 10, buffer, sizeof buffer, NULL, &error));
    EQUAL(1, mcl_log_reader_pending(r, &error));
    FAILS(MCL_EFORMAT, mcl_log_reader_read(r, records, 10, buffer, sizeof buffer, NULL, &error));
    SAYS("bad.log");
    SAYS("13");
    MUST(mcl_log_reader_close(r));

    put_file(in_scratch("later.log"), "# MCL_LOG\n#     -- version     2.0\n#---\n");
    FAILS(MCL_EFORMAT, mcl_log_reader_open(in_scratch("later"), NULL, &r, &error));
    SAYS("later.log");
    put_file(in_scratch("later.log"), "x,y\n1,2\n");
    FAILS(MCL_EFORMAT, mcl_log_reader_open(in_scratch("later"), NULL, &r, &error));
    SAYS("neither a header nor an entry");
    put_file(in_scratch("empty.log"), "");
    r = open_log(in_scratch("empty"), NULL);
    READS("", r);
    mcl_log_header h = {.size = sizeof h};
    FAILS(MCL_EUNKNOWN, mcl_log_reader_get_header(r, 0, &h, buffer, sizeof buffer, NULL, &error));
    MUST(mcl_log_reader_close(r));
    put_file(in_scratch("header.log"), HEADER_OF("Imu"));
    r = open_log(in_scratch("header"), NULL);
    READS("", r);
    MUST(mcl_log_reader_close(r));
    unlink(in_scratch("bad.log")), unlink(in_scratch("later.log")), unlink(in_scratch("empty.log"));
    unlink(in_scratch("header.log"));
}

static void splitting(void)
{
    mcl_log_writer_options o = MCL_LOG_WRITER_OPTIONS_INIT;
    o.max_entries = 2, o.has_time_origin = MCL_ON, o.time_origin = ORIGIN;
    mcl_log_writer *w = create(in_scratch("split"), &o);
    for (uint8_t i = 0; i < 5; i++)
        write_int(w, "t", i, i * SECOND);
    mcl_log_writer_stats s = {.size = sizeof s};
    MUST(mcl_log_writer_flush(w, &error));
    CHECK(exists(in_scratch("split_000.log")) && exists(in_scratch("split_001.log")));
    CHECK(exists(in_scratch("split_002.tmp")) && !exists(in_scratch("split_002.log")));
    MUST(mcl_log_writer_close(w, &s, &error));
    EQUAL(3, s.files);
    EQUAL(5, s.entries);
    CHECK(exists(in_scratch("split_002.log")));
    mcl_log_reader *r = open_log(in_scratch("split"), NULL);
    READS("0:t:0 1000:t:1 2000:t:2 3000:t:3 4000:t:4", r);
    MUST(mcl_log_reader_close(r));
    r = open_log(in_scratch("split_001.log"), NULL);
    READS("2000:t:2 3000:t:3", r);
    MUST(mcl_log_reader_close(r));

    mcl_log_reader_options ro = MCL_LOG_READER_OPTIONS_INIT;
    ro.has_min_time = MCL_ON, ro.min_time = SECOND;
    r = open_log(in_scratch("split"), &ro);
    READS("1000:t:1 2000:t:2 3000:t:3 4000:t:4", r);
    MUST(mcl_log_reader_close(r));
    ro.has_max_time = MCL_ON, ro.max_time = 3 * SECOND;
    r = open_log(in_scratch("split"), &ro);
    READS("1000:t:1 2000:t:2 3000:t:3", r);
    MUST(mcl_log_reader_close(r));
    ro.has_min_time = MCL_OFF;
    r = open_log(in_scratch("split"), &ro);
    READS("0:t:0 1000:t:1 2000:t:2 3000:t:3", r);
    MUST(mcl_log_reader_close(r));

    o.max_entries = 0, o.max_time = 2 * SECOND;
    w = create(in_scratch("bytime"), &o);
    for (uint8_t i = 0; i < 5; i++)
        write_int(w, "t", i, i * SECOND);
    MUST(mcl_log_writer_close(w, &s, &error));
    EQUAL(3, s.files);
}

/* A log that is there is moved, or gone on with; what is written is in the file at once. */
static void existing(void)
{
    const char *prefix = in_scratch("again");
    mcl_log_writer_options o = MCL_LOG_WRITER_OPTIONS_INIT;
    o.existing = MCL_LOG_MOVE, o.unbuffered = MCL_ON, o.has_time_origin = MCL_ON, o.time_origin = ORIGIN;
    fflush(stderr);
    int terminal = dup(STDERR_FILENO), told = open(in_scratch("told"), O_CREAT | O_RDWR, 0600);
    for (uint8_t i = 0; i < 3; i++) {
        mcl_log_writer *w = create(prefix, &o);
        write_int(w, "t", i, i * SECOND);
        mcl_log_reader *r = open_log(in_scratch("again.tmp"), NULL);
        READS(i == 0 ? "0:t:0" : i == 1 ? "1000:t:1" : "2000:t:2", r);
        MUST(mcl_log_reader_close(r));
        CHECK(dup2(told, STDERR_FILENO) >= 0);
        MUST(mcl_log_writer_close(w, NULL, &error));
        CHECK(dup2(terminal, STDERR_FILENO) >= 0);
    }
    close(told), close(terminal);
    char *text = file_text(in_scratch("told")), *second = strstr(text, "again.log.2 now");
    CHECK(strstr(text, "again.log.1 now") != NULL && second != NULL && strchr(second, '\n')[1] == 0);
    free(text);

    o.existing = MCL_LOG_CONTINUE, o.has_time_origin = 0;
    mcl_log_writer *w = create(prefix, &o);
    write_int(w, "t", 9, 9 * SECOND);
    MUST(mcl_log_writer_close(w, NULL, &error));
    mcl_log_reader *r = open_log(prefix, NULL);
    READS("2000:t:2 9000:t:9", r);
    MUST(mcl_log_reader_close(r));
    o.type_name = "Imu";
    FAILS(MCL_ETYPE, mcl_log_writer_open(prefix, &o, &w, &error));
    SAYS("raw data, not of Imu");
}

/* A log of the legacy system is read whole, and written again it is the same but for the words of its header. */
static void vectors(void)
{
    const char *names[] = {"Imu", "Gps", "raw/raw", "raw/spaces"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[200], buffer[8192], names_buffer[4096], copy[40];
        snprintf(path, sizeof path, "../vectors/logs/%s", names[i]);
        snprintf(copy, sizeof copy, "copy%zu", i);
        mcl_log_reader *r = open_log(path, NULL);
        mcl_log_header h = {.size = sizeof h};
        MUST(mcl_log_reader_get_header(r, 0, &h, names_buffer, sizeof names_buffer, NULL, &error));
        mcl_log_writer_options o = MCL_LOG_WRITER_OPTIONS_INIT;
        o.type_name = h.type_name, o.revision = h.revision, o.has_time_origin = MCL_ON, o.time_origin = h.created;
        mcl_log_writer *w = create(in_scratch(copy), &o);
        mcl_log_record records[64];
        int n, total = 0;
        while ((n = mcl_log_reader_read(r, records, 64, buffer, sizeof buffer, NULL, &error)) > 0)
            for (int k = 0; k < n; k++, total++) {
                EQUAL(0, strcmp(h.type_name, records[k].type_name));
                MUST(mcl_log_writer_write(w, records[k].topic, records[k].topic_size, records[k].payload, records[k].payload_size,
                                   h.created + records[k].elapsed, &error));
            }
        EQUAL(0, n);
        CHECK(total > 0);
        MUST(mcl_log_writer_close(w, NULL, &error));
        snprintf(path, sizeof path, "../vectors/logs/%s.log", names[i]);
        strcat(copy, ".log");
        char *legacy = file_text(path), *own = file_text(in_scratch(copy));
        char *own_entries = strrchr(own, '#'), *legacy_entries = strrchr(legacy, '#');
        CHECK(own_entries != NULL && legacy_entries != NULL);
        EQUAL(0, strcmp(strchr(own_entries, '\n'), strchr(legacy_entries, '\n')));
        EQUAL(h.end, strchr(legacy_entries, '\n') + 1 - legacy);
        free(legacy), free(own);
        unlink(in_scratch(copy));
        MUST(mcl_log_reader_close(r));
    }
    mcl_log_reader *r = open_log("../vectors/logs/split/Imu", NULL);
    mcl_log_record records[64];
    char buffer[1 << 16];
    int n = mcl_log_reader_read(r, records, 64, buffer, sizeof buffer, NULL, &error);
    CHECK(n > 3);
    EQUAL(0, records[0].elapsed);
    MUST(mcl_log_reader_close(r));
}

static void directories(void)
{
    mcl_log_reader *r;
    char path[PATH_MAX] = "", again[PATH_MAX];
    size_t needed = 0;
    const char *root = in_scratch("recordings");
    CHECK(mkdir(root, 0700) == 0);
    setenv("TZ", "XYZ-2", 1); /* after the library was loaded; two hours before UTC, as POSIX counts */
    tzset();
    MUST(mcl_log_reader_open_directory(root, NULL, &r, &error)); /* nothing arrived */
    READS("", r);
    EQUAL(0, mcl_log_reader_pending(r, &error));
    MUST(mcl_log_reader_close(r));
    FAILS(MCL_EBUFFER, mcl_log_make_directory(root, ORIGIN, path, 3, &needed, &error));
    CHECK(needed > strlen(root) + sizeof "/20160512T022007_" - 1);
    CHECK(rmdir(root) == 0 && mkdir(root, 0700) == 0); /* nothing was made */
    MUST(mcl_log_make_directory(root, ORIGIN, path, needed, &needed, &error));
    EQUAL(strlen(path) + 1, needed);
    CHECK(exists(path) && strstr(path, "/20160512T022007_") != NULL && strncmp(path, root, strlen(root)) == 0);
    MUST(mcl_log_make_directory(root, ORIGIN, again, sizeof again, NULL, &error));
    CHECK(exists(again) && strcmp(path, again) != 0 && strcmp(again + strlen(again) - 2, "_1") == 0);
    FAILS(MCL_EINVAL, mcl_log_make_directory(NULL, ORIGIN, path, sizeof path, NULL, &error));
    FAILS(MCL_EINVAL, mcl_log_make_directory(root, ORIGIN, NULL, 1, NULL, &error));
    FAILS(MCL_ESYSTEM, mcl_log_make_directory(in_scratch("none"), ORIGIN, path, sizeof path, NULL, &error));
    EQUAL(ENOENT, error.system);

    FAILS(MCL_ESYSTEM, mcl_log_reader_open_directory(in_scratch("nothing"), NULL, &r, &error));

    char prefix[PATH_MAX + 10];
    mcl_log_writer_options o = MCL_LOG_WRITER_OPTIONS_INIT;
    o.has_time_origin = MCL_ON, o.time_origin = ORIGIN;
    for (int k = 0; k < 3; k++) {
        snprintf(prefix, sizeof prefix, "%s/%s", path, k == 0 ? "Gps" : k == 1 ? "Imu" : "raw");
        o.type_name = k == 0 ? "Gps" : k == 1 ? "Imu" : NULL;
        mcl_log_writer *w = create(prefix, &o);
        for (uint8_t i = 0; i < 3; i++)
            write_int(w, o.type_name, (uint8_t)(10 * k + i), i * SECOND + k * SECOND / 4);
        MUST(mcl_log_writer_close(w, NULL, &error));
    }
    MUST(mcl_log_reader_open_directory(path, NULL, &r, &error)); /* raw data is skipped */
    READS("0:Gps:0 250:Imu:10 1000:Gps:1 1250:Imu:11 2000:Gps:2 2250:Imu:12", r);
    MUST(mcl_log_reader_reset(r, &error));
    mcl_log_record records[10];
    char buffer[4096];
    EQUAL(6, mcl_log_reader_read(r, records, 10, buffer, sizeof buffer, NULL, &error));
    for (int i = 0; i < 6; i++)
        EQUAL(0, strcmp(records[i].type_name, i % 2 == 0 ? "Gps" : "Imu"));
    mcl_log_header h = {.size = sizeof h};
    MUST(mcl_log_reader_get_header(r, 0, &h, buffer, sizeof buffer, NULL, &error));
    EQUAL(0, strcmp("Gps", h.type_name));
    MUST(mcl_log_reader_get_header(r, 1, &h, buffer, sizeof buffer, NULL, &error));
    EQUAL(0, strcmp("Imu", h.type_name));
    CHECK(strcmp(h.path + strlen(h.path) - 8, "/Imu.log") == 0);
    FAILS(MCL_EUNKNOWN, mcl_log_reader_get_header(r, 2, &h, buffer, sizeof buffer, NULL, &error));
    MUST(mcl_log_reader_close(r));
    mcl_log_reader_options ro = MCL_LOG_READER_OPTIONS_INIT;
    ro.refuse_raw = MCL_ON;
    FAILS(MCL_ETYPE, mcl_log_reader_open_directory(path, &ro, &r, &error));
    SAYS("raw.log");
    ro = (mcl_log_reader_options)MCL_LOG_READER_OPTIONS_INIT;
    ro.has_min_time = MCL_ON, ro.min_time = SECOND, ro.has_max_time = MCL_ON, ro.max_time = 2 * SECOND;
    MUST(mcl_log_reader_open_directory(path, &ro, &r, &error));
    READS("1000:Gps:1 1250:Imu:11 2000:Gps:2", r);
    MUST(mcl_log_reader_close(r));
}

/* From several threads, entries stay whole, and none is lost or read twice. */
#define EACH 2000
static mcl_log_writer *shared_writer;
static mcl_log_reader *shared_reader;
static atomic_int seen[4 * EACH];

static void *writes(void *number)
{
    for (int i = 0; i < EACH; i++) {
        int value = *(int *)number * EACH + i;
        uint8_t packed[3] = {0xcd, (uint8_t)(value >> 8), (uint8_t)value};
        MUST(mcl_log_writer_write(shared_writer, "t", 1, packed, sizeof packed, ORIGIN + value, &error));
    }
    return NULL;
}

static void *reads(void *unused)
{
    (void)unused;
    mcl_log_record records[7];
    char buffer[200];
    int n;
    while ((n = mcl_log_reader_read(shared_reader, records, 7, buffer, sizeof buffer, NULL, &error)) > 0)
        for (int i = 0; i < n; i++) {
            const uint8_t *p = records[i].payload;
            seen[p[1] << 8 | p[2]]++;
        }
    EQUAL(0, n);
    return NULL;
}

static void threads(void)
{
    pthread_t thread[4];
    int numbers[4] = {0, 1, 2, 3};
    shared_writer = create(in_scratch("threads"), NULL);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, writes, &numbers[i]) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    mcl_log_writer_stats s = {.size = sizeof s};
    MUST(mcl_log_writer_close(shared_writer, &s, &error));
    EQUAL(4 * EACH, s.entries);
    shared_reader = open_log(in_scratch("threads"), NULL);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, reads, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 4 * EACH; i++)
        EQUAL(1, seen[i]);
    MUST(mcl_log_reader_close(shared_reader));
}

/* What does not fit on the disk is told, and written when there is room again; the file is whole at every moment. */
static void full_disk(void)
{
    const char *disk = small_disk("disk", 1 << 20);
    char prefix[PATH_MAX], ballast[PATH_MAX];
    snprintf(prefix, sizeof prefix, "%s/log", disk);
    snprintf(ballast, sizeof ballast, "%s/ballast", disk);
    int fd = open(ballast, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && posix_fallocate(fd, 0, 768 * 1024) == 0);
    mcl_log_writer *w = create(prefix, NULL);
    uint8_t payload[1003] = {0xc5, 1000 >> 8, 1000 & 0xff};
    mcl_log_writer_stats s = {.size = sizeof s};
    mcl_error last = {0};
    for (int i = 0; i < 200; i++)
        MUST(mcl_log_writer_write(w, "t", 1, payload, sizeof payload, ORIGIN + i, &error));
    FAILS(MCL_ESYSTEM, mcl_log_writer_flush(w, &error));
    EQUAL(ENOSPC, error.system);
    MUST(mcl_log_writer_get_stats(w, &s, &last, &error));
    EQUAL(MCL_ESYSTEM, last.code);
    EQUAL(ENOSPC, last.system);
    CHECK(strstr(last.text, "mcl_log_writer_get_stats:") == last.text && strstr(last.text, disk) != NULL);
    EQUAL(200, s.entries + s.buffered);
    EQUAL(0, s.dropped);
    CHECK(s.entries > 0 && s.buffered > 0 && s.errors > 0);
    mcl_log_reader *r = open_log(prefix, NULL);
    mcl_log_record record;
    char buffer[2000];
    uint64_t n = 0, torn;
    while (mcl_log_reader_read(r, &record, 1, buffer, sizeof buffer, NULL, &error) == 1)
        n++;
    EQUAL(s.entries, n);
    MUST(mcl_log_reader_torn(r, &torn, &error));
    EQUAL(0, torn);
    MUST(mcl_log_reader_close(r));

    CHECK(ftruncate(fd, 0) == 0 && close(fd) == 0);
    fd = open(ballast, O_WRONLY | O_TRUNC);
    CHECK(fd >= 0 && close(fd) == 0);
    for (int i = 0; i < 20 && s.buffered > 0; i++) { /* it is tried once a second */
        mcl_log_writer_flush(w, &error);
        MUST(mcl_log_writer_get_stats(w, &s, &last, &error));
        if (s.buffered > 0)
            usleep(200000);
    }
    MUST(mcl_log_writer_close(w, &s, &error));
    CHECK(s.entries + s.dropped == 200 && s.buffered == 0);
    EQUAL(0, s.dropped);
    CHECK(umount(disk) == 0);
}

int main(void)
{
    write_and_read();
    headers();
    options();
    buffers();
    bad_lines();
    splitting();
    existing();
    vectors();
    directories();
    threads();
    full_disk();
    return report("logs");
}
