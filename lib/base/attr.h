// SPDX-License-Identifier: Apache-2.0
/*
 * Attribute macros.  The capability family feeds clang's thread-safety analysis and is empty for
 * other compilers.
 */
#pragma once

#ifdef __clang__
#define THREAD_ATTR(x) __attribute__((x))
#else
#define THREAD_ATTR(x)
#endif

#define CAPABILITY(name)   THREAD_ATTR(capability(name))
#define REQUIRES(...)      THREAD_ATTR(requires_capability(__VA_ARGS__))
#define ACQUIRES(...)      THREAD_ATTR(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRES(...)  THREAD_ATTR(try_acquire_capability(__VA_ARGS__))
#define RELEASES(...)      THREAD_ATTR(release_capability(__VA_ARGS__))
#define EXCLUDES(...)      THREAD_ATTR(locks_excluded(__VA_ARGS__))
#define NO_THREAD_ANALYSIS THREAD_ATTR(no_thread_safety_analysis)

#define NORETURN      _Noreturn
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define COLD          __attribute__((cold, noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE      __attribute__((noinline))
#define LIKELY(x)     __builtin_expect(!!(x), 1)
#define UNLIKELY(x)   __builtin_expect(!!(x), 0)
