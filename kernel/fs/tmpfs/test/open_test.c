// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/tmpfs/test/tree.h"

static status_t try_open(struct tree *t, const char *path, uint32_t flags)
{
    struct file *f;
    status_t status = tree_open(t, path, flags, &f);
    if (status == OK) {
        file_unref(f);
    }
    return status;
}

TEST(opening_follows_the_flags)
{
    struct tree t;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "d"));
    EXPECT_STATUS(try_open(&t, "f", ABI_O_RDONLY), ERR_NOENT);
    EXPECT_OK(try_open(&t, "f", ABI_O_CREAT | ABI_O_EXCL));
    EXPECT_STATUS(try_open(&t, "f", ABI_O_CREAT | ABI_O_EXCL), ERR_EXIST);
    EXPECT_OK(try_open(&t, "f", ABI_O_CREAT));
    EXPECT_STATUS(try_open(&t, "f", ABI_O_DIRECTORY), ERR_NOTDIR);
    EXPECT_STATUS(try_open(&t, "f/", ABI_O_RDONLY), ERR_NOTDIR);
    EXPECT_STATUS(try_open(&t, "g/", ABI_O_CREAT), ERR_ISDIR);
    EXPECT_OK(try_open(&t, "d", ABI_O_RDONLY));
    EXPECT_STATUS(try_open(&t, "d", ABI_O_RDWR), ERR_ISDIR);
    EXPECT_STATUS(try_open(&t, "d", ABI_O_CREAT), ERR_ISDIR);
    EXPECT_STATUS(try_open(&t, "/", ABI_O_CREAT | ABI_O_EXCL), ERR_EXIST);
    EXPECT_STATUS(try_open(&t, "f", ABI_O_ACCMODE), ERR_INVAL);
    tree_end(&t);
}

TEST(links_are_opened_where_they_lead_and_made_there)
{
    struct tree t;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "d"));
    EXPECT_OK(tree_symlink(&t, "d/f", "l"));
    EXPECT_STATUS(try_open(&t, "l", ABI_O_RDONLY), ERR_NOENT);
    EXPECT_STATUS(try_open(&t, "l", ABI_O_CREAT | ABI_O_EXCL), ERR_EXIST);
    EXPECT_STATUS(try_open(&t, "l", ABI_O_NOFOLLOW), ERR_LOOP);
    EXPECT_OK(try_open(&t, "l", ABI_O_NOFOLLOW | ABI_O_PATH));
    EXPECT_OK(try_open(&t, "l", ABI_O_CREAT | ABI_O_WRONLY));
    EXPECT(tree_inode(&t, "d/f") != 0);
    tree_end(&t);
}

TEST(a_file_without_a_name_lives_until_it_is_closed)
{
    struct tree t;
    struct file *f;
    struct uio u;
    char text[4] = "";
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_file(&t, "f", "abc"));
    EXPECT_OK(tree_open(&t, "f", ABI_O_RDWR, &f));
    EXPECT_OK(tree_unlink(&t, "f"));
    uio_init_kernel(&u, text, 3);
    EXPECT_OK(file_read(f, &u));
    EXPECT_STR(text, "abc");
    struct abi_stat s;
    EXPECT_OK(f->ops->stat(f, &s));
    EXPECT_EQ(s.links, 0);
    file_unref(f);
    tree_end(&t);
}

TEST(what_is_appended_goes_to_the_end_and_holes_read_as_zero)
{
    struct tree t;
    struct file *f;
    struct uio u;
    char text[8];
    uint64_t at;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_file(&t, "f", "abc"));
    EXPECT_OK(tree_open(&t, "f", ABI_O_RDWR | ABI_O_APPEND, &f));
    uio_init_kernel(&u, (void *)(uintptr_t)"de", 2);
    EXPECT_OK(file_write(f, &u));
    EXPECT_OK(file_seek(f, 0, 1, &at));
    EXPECT_EQ(at, 5);
    EXPECT_OK(f->ops->truncate(f, 3 << 20));
    struct abi_stat s;
    EXPECT_OK(f->ops->stat(f, &s));
    EXPECT_EQ(s.size, 3 << 20);
    EXPECT_EQ(s.blocks, 8);
    uio_init_kernel(&u, text, sizeof(text));
    EXPECT_OK(file_pread(f, &u, 3));
    EXPECT_MEM(text, "de\0\0\0\0\0\0", 8);
    uio_init_kernel(&u, text, sizeof(text));
    EXPECT_OK(file_pread(f, &u, 3 << 20));
    EXPECT_EQ(u.left, 8);
    file_unref(f);
    tree_end(&t);
}

TEST(space_can_be_taken_and_given_back)
{
    struct tree t;
    struct file *f;
    EXPECT_OK(tree_begin(&t, "size=64k"));
    EXPECT_OK(tree_open(&t, "f", ABI_O_CREAT | ABI_O_RDWR, &f));
    struct vnode *v = file_vnode(f);
    EXPECT_OK(vnode_allocate(v, 0, 10, 32 << 10));
    EXPECT_EQ(vnode_size(v), (32 << 10) + 10);
    EXPECT_STATUS(vnode_allocate(v, 0, 0, 1 << 20), ERR_NOSPC);
    EXPECT_EQ(vnode_size(v), (32 << 10) + 10);
    EXPECT_OK(vnode_allocate(v, ABI_FALLOC_PUNCH_HOLE | ABI_FALLOC_KEEP_SIZE, 0, 1 << 20));
    struct abi_stat s;
    EXPECT_OK(vnode_stat(v, &s));
    EXPECT(s.blocks <= 8);
    file_unref(f);
    tree_end(&t);
}

struct seen {
    char names[64];
    size_t count;
};

static void collect(struct file *f, struct seen *seen, size_t room)
{
    static union {
        struct abi_dirent first;
        char bytes[512];
    } buffer;
    struct uio u;
    do {
        uio_init_kernel(&u, buffer.bytes, room);
        EXPECT_OK(f->ops->read_entries(f, &u, &f->position));
        for (size_t at = 0; at < room - u.left;) {
            const struct abi_dirent *e = (const void *)(buffer.bytes + at);
            seen->names[seen->count++] = e->name[0];
            at += e->size;
        }
    } while (u.left != room);
}

TEST(a_directory_gives_each_entry_once_however_small_the_room)
{
    struct tree t;
    struct file *f;
    struct seen seen = {};
    EXPECT_OK(tree_begin(&t, ""));
    for (int c = 'a'; c <= 'p'; c++) {
        char name[2] = {(char)c, '\0'};
        EXPECT_OK(tree_file(&t, name, ""));
    }
    EXPECT_OK(tree_open(&t, "/", ABI_O_RDONLY | ABI_O_DIRECTORY, &f));
    collect(f, &seen, 100);
    EXPECT_STR(seen.names, "..abcdefghijklmnop");
    struct uio u;
    char small[8];
    uint64_t start = 0;
    uio_init_kernel(&u, small, sizeof(small));
    EXPECT_STATUS(f->ops->read_entries(f, &u, &start), ERR_INVAL);
    uio_init_kernel(&u, small, sizeof(small));
    EXPECT_STATUS(file_read(f, &u), ERR_ISDIR);
    file_unref(f);
    tree_end(&t);
}

TEST(mounts_are_entered_and_left_and_stay_while_in_use)
{
    struct tree t;
    struct mount *m;
    struct vnode *where;
    struct vnode *root;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "d"));
    EXPECT_OK(tmpfs_create("inner", 0, "", &m));
    EXPECT_OK(path_find(&t.base, tree_text("d"), PATH_FOLLOW, &where));
    EXPECT_OK(mount_attach(m, where));
    vnode_unref(where);
    EXPECT_OK(tree_file(&t, "d/f", "x"));
    EXPECT_EQ(tree_inode(&t, "d/.."), tree_inode(&t, "/"));
    EXPECT_STATUS(tree_rename(&t, "d/f", "f", 0), ERR_XDEV);
    EXPECT_STATUS(tree_rmdir(&t, "d"), ERR_BUSY);
    struct file *f;
    EXPECT_OK(tree_open(&t, "d/f", ABI_O_RDONLY, &f));
    EXPECT_OK(path_find(&t.base, tree_text("d"), PATH_FOLLOW, &root));
    EXPECT_STATUS(mount_detach(root), ERR_BUSY);
    file_unref(f);
    EXPECT_OK(path_find(&t.base, tree_text("d"), PATH_FOLLOW, &root));
    EXPECT_OK(mount_detach(root));
    EXPECT_STATUS(tree_find(&t, "d/f", PATH_FOLLOW), ERR_NOENT);
    EXPECT_OK(tree_rmdir(&t, "d"));
    tree_end(&t);
}
