/* pool.c - the handles that there are and were, and what calls may make of them. */
#include "play.h"

enum { LIVE_MOST = 12, STALE_MOST = 200, BUCKETS = 1 << 16 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* protects all that follows, and the handles */
static handle *live[KINDS][256];
static int lives[KINDS];
static handle *stale[KINDS][STALE_MOST];
static int stales[KINDS];
static handle *buckets[BUCKETS];

static atomic_uint_least64_t ticks = 1;

uint64_t tick(void)
{
    return atomic_fetch_add(&ticks, 1);
}

static handle **bucket_of(const void *value)
{
    return &buckets[((uintptr_t)value * UINT64_C(0x9e3779b97f4a7c15)) >> 48 & (BUCKETS - 1)];
}

static handle *find(const void *value)
{
    for (handle *h = *bucket_of(value); h != NULL; h = h->next)
        if (h->value == value)
            return h;
    return NULL;
}

int live_count(int kind)
{
    pthread_mutex_lock(&mutex);
    int n = lives[kind];
    pthread_mutex_unlock(&mutex);
    return n;
}

handle *any_live(int kind)
{
    pthread_mutex_lock(&mutex);
    handle *h = lives[kind] > 0 ? live[kind][0] : NULL;
    pthread_mutex_unlock(&mutex);
    return h;
}

/* A number that is most likely no handle. */
static void *garbage(player *p)
{
    void *near = lives[0] + lives[1] > 0 ? live[lives[1] > 0][0]->value : NULL;
    switch (below(p, 6)) {
    case 0:
        return (void *)(uintptr_t)random_bits(p);
    case 1:
        return (void *)(uintptr_t)below(p, 100);
    case 2:
        return p;
    case 3: /* where Go has its heap */
        return (void *)(uintptr_t)(0xc000000000 + below(p, 1 << 20) * 8);
    case 4:
        return (void *)((uintptr_t)near ^ (UINTPTR_MAX / 2 + 1) >> below(p, 64));
    default:
        return (void *)((uintptr_t)near + 8 * below(p, 16) - 64);
    }
}

/* Notes what a call is given. The mutex is held. */
static void note(player *p, void *value, handle *known, int kind, enum how how)
{
    if (p->use_count == USES) {
        fail(p, "too many handles in one call");
        return;
    }
    use *u = &p->uses[p->use_count++];
    *u = (use){value, known, kind, how, 0};
    if (known == NULL || known->kind != kind)
        return;
    if (how == CLOSE)
        known->closers++;
    if (kind == KIND_message && how != CLOSE) {
        /* The one thing that a program must see to: a message is not changed while another thread uses it. */
        int busy = how == CHANGE ? known->readers != 0 : known->readers < 0;
        if (busy) {
            u->value = NULL;
            u->known = NULL;
            return;
        }
        known->readers += how == CHANGE ? -1 : 1;
        u->counted = 1;
    }
}

void *draw_handle(player *p, int kind, enum how how)
{
    pthread_mutex_lock(&mutex);
    unsigned roll = (unsigned)below(p, 100);
    uint64_t which = random_bits(p);
    int other = (int)below(p, KINDS);
    void *value = garbage(p);
    handle *h = NULL;
    const char *word;
    if (roll < 82 && lives[kind] > 0) {
        h = live[kind][which % (unsigned)lives[kind]];
        word = "";
    } else if (roll < 89 && stales[kind] > 0) {
        h = stale[kind][which % (unsigned)stales[kind]];
        word = "closed ";
    } else if (roll < 92) {
        value = NULL;
        word = "no ";
    } else if (roll < 96 && lives[other] > 0) {
        h = live[other][which % (unsigned)lives[other]];
        word = "foreign ";
    } else {
        h = find(value); /* by chance, or as NULL with a bit in it */
        word = "garbage ";
    }
    note(p, h != NULL ? h->value : value, h, kind, how);
    value = p->uses[p->use_count - 1].value;
    pthread_mutex_unlock(&mutex);
    say(p, "%s%s %p, ", word, kind_names[kind] + strlen("mcl_"), value);
    return value;
}

void withdraw(player *p, int first)
{
    p->withdrawn |= p->use_count > first;
    for (int i = first; i < p->use_count; i++)
        p->uses[i] = (use){NULL, NULL, p->uses[i].kind, USE_OR_NULL, 0};
}

void give(player *p, handle *h, enum how how, int kind)
{
    pthread_mutex_lock(&mutex);
    note(p, h->value, h, kind, how);
    pthread_mutex_unlock(&mutex);
}

void *draw_opened_handle(player *p, int kind)
{
    if (chance(p, 1)) {
        say(p, "NULL, ");
        return NULL;
    }
    void *something = p;
    p->opened = in_room(p, &something, sizeof something);
    if (kind == KIND_message) {
        static atomic_uint_least64_t next = 1;
        p->serial = atomic_fetch_add(&next, 1);
    }
    say(p, "&%s, ", kind_names[kind] + strlen("mcl_"));
    return p->opened;
}

/* A call has opened an object. */
static void opened(player *p)
{
    int kind = p->function->opens;
    void *value = *p->opened;
    if (value == NULL) {
        fail(p, "success, but no handle");
        return;
    }
    handle *h = calloc(1, sizeof *h);
    h->value = value;
    h->kind = kind;
    h->open = 1;
    h->opened = p->tick;
    int code;
    if (kind == KIND_message)
        mark(value, p->serial);
    h->serial = serial_of(kind, value, &code);
    if (code < 0)
        fail(p, "what was opened just now gives %d (%s)", code, mcl_strerror(code));
    int drawn = kind == KIND_message || ((kind == KIND_broadcaster || kind == KIND_listener) && p->serial != 0);
    if (drawn && h->serial != p->serial)
        fail(p, "what was opened is %llu, not %llu", (unsigned long long)h->serial, (unsigned long long)p->serial);
    memcpy(h->path, p->path, sizeof h->path);
    pthread_mutex_lock(&mutex);
    handle *before = find(value);
    if (before == NULL) {
        handle **bucket = bucket_of(value);
        h->next = *bucket;
        *bucket = h;
        live[kind][lives[kind]++] = h;
    }
    pthread_mutex_unlock(&mutex);
    if (before != NULL)
        fail(p, "the handle %p was given out before, for an %s that is %s: who still has it holds another's object",
             value, kind_names[before->kind], before->open ? "open" : "closed");
    if (before != NULL)
        free(h);
}

/* Was this call's close the one that closed the object? */
static int closes(const use *u, int result)
{
    if (result == MCL_EINVAL || result == MCL_EHANDLE || result == MCL_ECLOSED)
        return 0;
    return !(u->kind == KIND_log_reader && result == MCL_EBUSY);
}

static void closed(player *p, use *u, int result)
{
    handle *h = u->known;
    pthread_mutex_lock(&mutex);
    if (!closes(u, result)) {
        if (h->open && result != MCL_ECLOSED)
            h->closers--;
        pthread_mutex_unlock(&mutex);
        return;
    }
    int again = !h->open;
    if (!again) {
        h->open = 0;
        h->closed = tick();
        int at = 0;
        while (live[h->kind][at] != h)
            at++;
        live[h->kind][at] = live[h->kind][--lives[h->kind]];
        if (stales[h->kind] < STALE_MOST)
            stale[h->kind][stales[h->kind]++] = h;
        else
            stale[h->kind][below(p, STALE_MOST)] = h; /* so that some very old ones stay */
    }
    pthread_mutex_unlock(&mutex);
    if (again)
        fail(p, "closed the %s %p, which another call had closed", kind_names[h->kind], h->value);
    else if (h->path[0] != 0)
        remove_path(h->path);
}

/* A call succeeded with something that is no live handle of its kind. */
static void judge_success(player *p, use *u)
{
    if (u->value == NULL) {
        if (u->how != USE_OR_NULL)
            fail(p, "success with NULL for an %s", kind_names[u->kind]);
        return;
    }
    for (int patience = 0; u->known == NULL && patience < 100; patience++) {
        /* Another thread may have opened just this object, and not noted it yet. */
        pthread_mutex_lock(&mutex);
        u->known = find(u->value);
        pthread_mutex_unlock(&mutex);
        if (u->known == NULL)
            usleep(2000);
    }
    if (u->known == NULL)
        fail(p, "success with garbage for an %s", kind_names[u->kind]);
    else if (u->known->kind != u->kind)
        fail(p, "success with an %s for an %s", kind_names[u->known->kind], kind_names[u->kind]);
    else if (u->how != CLOSE && !u->known->open && u->known->closed < p->tick)
        fail(p, "success with an %s that had been closed", kind_names[u->kind]);
}

/* Once in a while: is the object behind the handle still the one that was opened? */
static void judge_identity(player *p, const use *u)
{
    handle *h = u->known;
    pthread_mutex_lock(&mutex);
    int look = h->serial != 0 && h->open && !(h->kind == KIND_message && (h->readers < 0 || !u->counted));
    pthread_mutex_unlock(&mutex);
    if (!look)
        return;
    int code;
    uint64_t serial = serial_of(h->kind, h->value, &code);
    if (code >= 0 && serial != h->serial)
        fail(p, "the %s %p is %llu now, and was %llu", kind_names[h->kind], h->value, (unsigned long long)serial,
             (unsigned long long)h->serial);
    if (code < 0 && (code != MCL_ECLOSED || h->closers == 0))
        fail(p, "looking at the %s %p gives %d (%s)", kind_names[h->kind], h->value, code, mcl_strerror(code));
}

void judge_handles(player *p, int result)
{
    int closing = 0, wrong = 0;
    for (int i = 0; i < p->use_count; i++) {
        use *u = &p->uses[i];
        int right = u->known != NULL && u->known->kind == u->kind;
        if (result >= 0 && (!right || !u->known->open))
            judge_success(p, u);
        else if (right && u->how != CLOSE && chance(p, 5))
            judge_identity(p, u);
        pthread_mutex_lock(&mutex);
        if (right && u->counted)
            u->known->readers -= u->how == CHANGE ? -1 : 1;
        closing += right && u->known->closers > (u->how == CLOSE && !closes(u, result) && u->known->open);
        wrong += !right && !(u->value == NULL && u->how == USE_OR_NULL);
        pthread_mutex_unlock(&mutex);
    }
    closing += p->withdrawn;
    if (result == MCL_EHANDLE && wrong + closing == 0)
        fail(p, "refused handles that are all good");
    /* Pushing to a replay has another reason: it was ended, or stopped. */
    if (result == MCL_ECLOSED && closing == 0 && strncmp(p->function->name, "mcl_replay_", 11) != 0)
        fail(p, "says closed, but nothing was");
    if (p->opened != NULL && result >= 0)
        opened(p);
    else if (p->opened != NULL && *p->opened != NULL)
        fail(p, "failed, but left the handle %p", *p->opened);
    for (int i = 0; i < p->use_count; i++)
        if (p->uses[i].how == CLOSE && p->uses[i].known != NULL && p->uses[i].known->kind == p->uses[i].kind)
            closed(p, &p->uses[i], result);
}
