#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/time.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/vmo.h"
#include "lib/fmt/fmt.h"
#include "lib/base/string.h"
static struct log_sink *sink; static char buf[16384]; static size_t used, done;
static void pump(void) {
    while (sink && done < used) { size_t n = 0; while (buf[done+n] != '\n') n++; n++;
        if (!sink->write(sink, buf+done, n)) return; done += n; } }
void log_write(enum log_level level, const char *source, const char *format, ...) {
    (void)level; if (used > 15000) return; nsec_t t = time_now();
    used += fmt_print(buf+used, 64, "[%5llu.%06llu] %s: ", (unsigned long long)(t/1000000000), (unsigned long long)(t/1000%1000000), source);
    va_list ap; va_start(ap, format); used += fmt_format(buf+used, 512, format, ap); va_end(ap); buf[used++]='\n'; pump(); }
void log_set_ring(void *r, size_t s) {(void)r;(void)s;}
status_t log_read(uint64_t s, struct log_record *o, char *t, size_t z){(void)s;(void)o;(void)t;(void)z;return ERR_AGAIN;}
void log_resume_sink(struct log_sink *s){(void)s;pump();}
void log_add_sink(struct log_sink *s){sink=s;pump();}
static const struct panic_ops *ops;
void panic_set_ops(const struct panic_ops *o){ops=o;}
static bool act; bool panic_is_active(void){return act;}
void panic_boot_is_healthy(void){}
_Noreturn static void end(const char *b){ act=true; if(ops){ops->write("PANIC ",6);ops->write(b,strlen(b));ops->write("\n",1);ops->exit(125);} arch_cpu_halt(); }
void panic(const char *f,...){char b[256];va_list ap;va_start(ap,f);fmt_format(b,256,f,ap);va_end(ap);end(b);}
static void em(void*c,const char*l){(void)c;if(ops){ops->write(l,strlen(l));ops->write("\n",1);}}
void panic_frame(const struct arch_frame *fr,const char *f,...){char b[256];va_list ap;va_start(ap,f);fmt_format(b,256,f,ap);va_end(ap);arch_frame_print(fr,em,NULL);end(b);}
void panic_stop_this_cpu(void){arch_cpu_halt();}
status_t aspace_create(struct aspace **o){(void)o;return ERR_NOMEM;}
status_t aspace_fault(struct aspace *a,const struct fault *f){(void)a;(void)f;return ERR_FAULT;}
status_t aspace_fork(struct aspace *a,struct aspace **o){(void)a;(void)o;return ERR_NOMEM;}
status_t aspace_unmap(struct aspace *a,vaddr_t v,size_t s){(void)a;(void)v;(void)s;return ERR_NOMEM;}
status_t aspace_protect(struct aspace *a,vaddr_t v,size_t s,enum prot p){(void)a;(void)v;(void)s;(void)p;return ERR_NOMEM;}
void aspace_unref(struct aspace *a){(void)a;}
status_t vmo_create_anonymous(uint64_t s,struct vmo **o){(void)s;(void)o;return ERR_NOMEM;}
void vmo_unref(struct vmo *v){(void)v;}
status_t vmo_fault(struct vmo *v,uint64_t i,bool w,paddr_t *p,bool *c){(void)v;(void)i;(void)w;(void)p;(void)c;return ERR_NOMEM;}
status_t aspace_map(struct aspace *as, struct vmo *v, uint64_t offset, size_t size_pages,
                    enum prot prot, enum prot max_prot, enum aspace_flags flags, uint64_t random,
                    vaddr_t *va){(void)as;(void)v;(void)offset;(void)size_pages;(void)prot;(void)max_prot;(void)flags;(void)random;(void)va;return ERR_NOMEM;}
