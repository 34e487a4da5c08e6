# What libsodium's configure would put into version.h.
s/@VERSION@/1.0.18/
s/@SODIUM_LIBRARY_VERSION_MAJOR@/10/
s/@SODIUM_LIBRARY_VERSION_MINOR@/3/
s/@SODIUM_LIBRARY_MINIMAL_DEF@//
