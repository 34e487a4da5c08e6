// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/tmpfs/test/tree.h"
#include "kernel/mm/inject.h"

static uint32_t links_of(struct tree *t, const char *path)
{
    struct abi_stat s = {};
    return tree_stat(t, path, &s) == OK ? s.links : 0;
}

TEST(what_is_there_cannot_be_made_again)
{
    struct tree t;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "d/"));
    EXPECT_STATUS(tree_mkdir(&t, "d"), ERR_EXIST);
    EXPECT_STATUS(tree_mkdir(&t, "/"), ERR_EXIST);
    EXPECT_STATUS(tree_mkdir(&t, "d/."), ERR_EXIST);
    EXPECT_STATUS(tree_mkdir(&t, "none/d"), ERR_NOENT);
    EXPECT_STATUS(tree_symlink(&t, "", "l"), ERR_NOENT);
    EXPECT_OK(tree_symlink(&t, "nowhere", "l"));
    EXPECT_STATUS(tree_mkdir(&t, "l"), ERR_EXIST);
    tree_end(&t);
}

TEST(names_that_are_removed_are_gone_and_directories_only_when_empty)
{
    struct tree t;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "d"));
    EXPECT_OK(tree_file(&t, "d/f", "x"));
    EXPECT_STATUS(tree_rmdir(&t, "d"), ERR_NOTEMPTY);
    EXPECT_STATUS(tree_unlink(&t, "d"), ERR_ISDIR);
    EXPECT_STATUS(tree_rmdir(&t, "d/f"), ERR_NOTDIR);
    EXPECT_STATUS(tree_unlink(&t, "d/f/"), ERR_NOTDIR);
    EXPECT_STATUS(tree_rmdir(&t, "d/."), ERR_INVAL);
    EXPECT_STATUS(tree_rmdir(&t, "d/.."), ERR_NOTEMPTY);
    EXPECT_STATUS(tree_rmdir(&t, "/"), ERR_BUSY);
    EXPECT_OK(tree_unlink(&t, "d/f"));
    EXPECT_STATUS(tree_unlink(&t, "d/f"), ERR_NOENT);
    EXPECT_OK(tree_rmdir(&t, "d"));
    EXPECT_STATUS(tree_find(&t, "d", PATH_FOLLOW), ERR_NOENT);
    EXPECT_EQ(links_of(&t, "/"), 2);
    tree_end(&t);
}

TEST(a_removed_directory_that_is_in_use_takes_nothing_in)
{
    struct tree t;
    struct vnode *d;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "d"));
    EXPECT_OK(path_find(&t.base, tree_text("d"), PATH_FOLLOW, &d));
    EXPECT_OK(tree_rmdir(&t, "d"));
    struct path_base base = t.base;
    base.at = d;
    struct file *f;
    EXPECT_STATUS(vfs_open(&base, tree_text("f"), ABI_O_CREAT | ABI_O_RDWR, 0666, &f), ERR_NOENT);
    vnode_unref(d);
    tree_end(&t);
}

TEST(a_file_has_as_many_names_as_it_was_given)
{
    struct tree t;
    char text[8];
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "d"));
    EXPECT_OK(tree_file(&t, "f", "abc"));
    EXPECT_OK(tree_link(&t, "f", "d/g"));
    EXPECT_EQ(links_of(&t, "f"), 2);
    EXPECT_EQ(tree_inode(&t, "f"), tree_inode(&t, "d/g"));
    EXPECT_STATUS(tree_link(&t, "f", "d/g"), ERR_EXIST);
    EXPECT_STATUS(tree_link(&t, "d", "e"), ERR_PERM);
    EXPECT_OK(tree_unlink(&t, "f"));
    EXPECT_EQ(links_of(&t, "d/g"), 1);
    EXPECT_OK(tree_read(&t, "d/g", text, sizeof(text)));
    EXPECT_STR(text, "abc");
    tree_end(&t);
}

TEST(a_file_moves_over_another)
{
    struct tree t;
    char text[8];
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "d"));
    EXPECT_OK(tree_file(&t, "f", "new"));
    EXPECT_OK(tree_file(&t, "d/g", "old"));
    EXPECT_STATUS(tree_rename(&t, "f", "d/g", ABI_RENAME_NOREPLACE), ERR_EXIST);
    EXPECT_OK(tree_rename(&t, "f", "d/g", 0));
    EXPECT_STATUS(tree_find(&t, "f", PATH_FOLLOW), ERR_NOENT);
    EXPECT_OK(tree_read(&t, "d/g", text, sizeof(text)));
    EXPECT_STR(text, "new");
    EXPECT_OK(tree_rename(&t, "d/g", "d/g", 0));
    EXPECT_OK(tree_rename(&t, "d/g", "d/h", ABI_RENAME_NOREPLACE));
    EXPECT_OK(tree_read(&t, "d/h", text, sizeof(text)));
    tree_end(&t);
}

TEST(directories_move_with_their_dot_dot_but_not_into_themselves)
{
    struct tree t;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "a"));
    EXPECT_OK(tree_mkdir(&t, "a/b"));
    EXPECT_OK(tree_mkdir(&t, "c"));
    EXPECT_OK(tree_file(&t, "f", "x"));
    EXPECT_STATUS(tree_rename(&t, "a", "a/b/x", 0), ERR_INVAL);
    EXPECT_STATUS(tree_rename(&t, "a/b", "a", 0), ERR_NOTEMPTY);
    EXPECT_STATUS(tree_rename(&t, "a", "f", 0), ERR_NOTDIR);
    EXPECT_STATUS(tree_rename(&t, "f", "a", 0), ERR_ISDIR);
    EXPECT_STATUS(tree_rename(&t, "f", "g/", 0), ERR_NOTDIR);
    EXPECT_STATUS(tree_rename(&t, "a/.", "x", 0), ERR_BUSY);
    EXPECT_OK(tree_rename(&t, "a/b", "c", 0));
    EXPECT_EQ(tree_inode(&t, "c/.."), tree_inode(&t, "/"));
    EXPECT_EQ(links_of(&t, "a"), 2);
    EXPECT_EQ(links_of(&t, "/"), 4);
    EXPECT_OK(tree_rename(&t, "c", "a/c", 0));
    EXPECT_EQ(tree_inode(&t, "a/c/.."), tree_inode(&t, "a"));
    EXPECT_EQ(links_of(&t, "a"), 3);
    tree_end(&t);
}

TEST(two_names_change_places)
{
    struct tree t;
    EXPECT_OK(tree_begin(&t, ""));
    EXPECT_OK(tree_mkdir(&t, "a"));
    EXPECT_OK(tree_mkdir(&t, "a/b"));
    EXPECT_OK(tree_file(&t, "f", "x"));
    uint64_t b = tree_inode(&t, "a/b");
    uint64_t f = tree_inode(&t, "f");
    EXPECT_STATUS(tree_rename(&t, "f", "a/none", ABI_RENAME_EXCHANGE), ERR_NOENT);
    EXPECT_STATUS(tree_rename(&t, "a", "a/b", ABI_RENAME_EXCHANGE), ERR_INVAL);
    EXPECT_OK(tree_rename(&t, "f", "a/b", ABI_RENAME_EXCHANGE));
    EXPECT_EQ(tree_inode(&t, "f"), b);
    EXPECT_EQ(tree_inode(&t, "a/b"), f);
    EXPECT_EQ(links_of(&t, "a"), 2);
    EXPECT_EQ(links_of(&t, "/"), 4);
    tree_end(&t);
}

TEST(a_file_system_that_is_full_says_so)
{
    struct tree t;
    static char page[PAGE_SIZE];
    struct file *f;
    struct uio u;
    EXPECT_OK(tree_begin(&t, "size=8k,nr_inodes=3"));
    EXPECT_OK(tree_open(&t, "f", ABI_O_CREAT | ABI_O_RDWR, &f));
    for (unsigned i = 0; i < 2; i++) {
        uio_init_kernel(&u, page, sizeof(page));
        EXPECT_OK(file_pwrite(f, &u, (uint64_t)i << 30));
        EXPECT_EQ(u.left, 0);
    }
    uio_init_kernel(&u, page, sizeof(page));
    EXPECT_STATUS(file_pwrite(f, &u, 5ull * PAGE_SIZE), ERR_NOSPC);
    struct abi_statfs s;
    EXPECT_OK(t.mount->ops->statfs(t.mount, &s));
    EXPECT_EQ(s.blocks, 2);
    EXPECT_EQ(s.blocks_free, 0);
    EXPECT_OK(vnode_truncate(file_vnode(f), 1));
    uio_init_kernel(&u, page, 1);
    EXPECT_OK(file_pwrite(f, &u, 5ull * PAGE_SIZE));
    file_unref(f);
    EXPECT_OK(tree_mkdir(&t, "d"));
    EXPECT_STATUS(tree_mkdir(&t, "e"), ERR_NOSPC);
    EXPECT_OK(tree_rmdir(&t, "d"));
    EXPECT_OK(tree_mkdir(&t, "e"));
    tree_end(&t);
}

TEST(options_that_make_no_sense_are_refused)
{
    struct mount *m;
    EXPECT_STATUS(tmpfs_create("t", 0, "size=", &m), ERR_INVAL);
    EXPECT_STATUS(tmpfs_create("t", 0, "size=1x", &m), ERR_INVAL);
    EXPECT_STATUS(tmpfs_create("t", 0, "mode=99", &m), ERR_INVAL);
    EXPECT_STATUS(tmpfs_create("t", 0, "mode=10000", &m), ERR_INVAL);
    EXPECT_STATUS(tmpfs_create("t", 0, "colour=red", &m), ERR_INVAL);
    EXPECT_STATUS(tmpfs_create("t", 0, "size=99999999999999999999", &m), ERR_INVAL);
}

static status_t do_everything(struct tree *t)
{
    char text[16];
    status_t status = tree_begin(t, "");
    if (status != OK) {
        return status;
    }
    status = tree_mkdir(t, "a");
    status = status == OK ? tree_mkdir(t, "a/b") : status;
    status = status == OK ? tree_file(t, "a/f", "some text") : status;
    status = status == OK ? tree_symlink(t, "f", "a/l") : status;
    status = status == OK ? tree_link(t, "a/f", "a/b/g") : status;
    status = status == OK ? tree_rename(t, "a/b", "b", 0) : status;
    status = status == OK ? tree_rename(t, "b/g", "a/f", ABI_RENAME_EXCHANGE) : status;
    status = status == OK ? tree_read(t, "a/l", text, sizeof(text)) : status;
    status = status == OK ? tree_rmdir(t, "b") == ERR_NOTEMPTY ? OK : ERR_IO : status;
    tree_end(t);
    return status;
}

TEST(every_allocation_may_fail)
{
    struct tree t;
    if (!inject_is_available()) {
        return;
    }
    for (size_t n = 0;; n++) {
        inject_arm(n);
        status_t status = do_everything(&t);
        if (!inject_disarm()) {
            EXPECT_OK(status);
            EXPECT(n > 10);
            return;
        }
        EXPECT(status == ERR_NOMEM || status == OK);
    }
}
