// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/tmpfs/test/tree.h"

static void build(struct tree *t)
{
    EXPECT_OK(tree_begin(t, ""));
    EXPECT_OK(tree_mkdir(t, "a"));
    EXPECT_OK(tree_mkdir(t, "a/b"));
    EXPECT_OK(tree_file(t, "a/b/f", "text"));
    EXPECT_OK(tree_symlink(t, "b/f", "a/link"));
    EXPECT_OK(tree_symlink(t, "/a", "absolute"));
}

TEST(a_path_goes_through_directories_dots_and_slashes)
{
    struct tree t;
    build(&t);
    uint64_t f = tree_inode(&t, "/a/b/f");
    EXPECT(f != 0);
    EXPECT_EQ(tree_inode(&t, "a/b/f"), f);
    EXPECT_EQ(tree_inode(&t, "//a/./b/../b//f"), f);
    EXPECT_EQ(tree_inode(&t, "/../../a/b/f"), f);
    EXPECT_EQ(tree_inode(&t, "/."), tree_inode(&t, "/"));
    EXPECT_EQ(tree_inode(&t, "a/b/.."), tree_inode(&t, "a/"));
    tree_end(&t);
}

TEST(links_are_followed_on_the_way_and_at_the_end_if_wanted)
{
    struct tree t;
    struct abi_stat s = {};
    build(&t);
    EXPECT_EQ(tree_inode(&t, "a/link"), tree_inode(&t, "a/b/f"));
    EXPECT_EQ(tree_inode(&t, "absolute/link"), tree_inode(&t, "a/b/f"));
    EXPECT_OK(tree_stat(&t, "a/link", &s));
    EXPECT_EQ(s.mode & ABI_S_IFMT, ABI_S_IFLNK);
    EXPECT_EQ(s.size, 3);
    EXPECT_OK(tree_stat(&t, "absolute/", &s));
    EXPECT_EQ(s.mode & ABI_S_IFMT, ABI_S_IFDIR);
    tree_end(&t);
}

TEST(what_is_wrong_with_a_path_has_its_error)
{
    struct tree t;
    build(&t);
    EXPECT_STATUS(tree_find(&t, "", PATH_FOLLOW), ERR_NOENT);
    EXPECT_STATUS(tree_find(&t, "nothing", PATH_FOLLOW), ERR_NOENT);
    EXPECT_STATUS(tree_find(&t, "nothing/f", PATH_FOLLOW), ERR_NOENT);
    EXPECT_STATUS(tree_find(&t, "a/b/f/g", PATH_FOLLOW), ERR_NOTDIR);
    EXPECT_STATUS(tree_find(&t, "a/b/f/", PATH_FOLLOW), ERR_NOTDIR);
    EXPECT_STATUS(tree_find(&t, "a/link/", PATH_FOLLOW), ERR_NOTDIR);
    tree_end(&t);
}

TEST(names_and_paths_have_limits)
{
    struct tree t;
    static char name[NAME_MAX_BYTES + 2];
    static char path[PATH_MAX_BYTES + 2];
    build(&t);
    memset(name, 'n', NAME_MAX_BYTES);
    EXPECT_OK(tree_mkdir(&t, name));
    EXPECT_OK(tree_find(&t, name, PATH_FOLLOW));
    name[NAME_MAX_BYTES] = 'n';
    EXPECT_STATUS(tree_mkdir(&t, name), ERR_NAMETOOLONG);
    memset(path, '/', PATH_MAX_BYTES - 1);
    EXPECT_OK(tree_find(&t, path, PATH_FOLLOW));
    path[PATH_MAX_BYTES - 1] = '/';
    EXPECT_STATUS(tree_find(&t, path, PATH_FOLLOW), ERR_NAMETOOLONG);
    tree_end(&t);
}

TEST(links_that_lead_in_a_circle_end_after_forty)
{
    struct tree t;
    build(&t);
    EXPECT_OK(tree_symlink(&t, "y", "x"));
    EXPECT_OK(tree_symlink(&t, "x", "y"));
    EXPECT_STATUS(tree_find(&t, "x", PATH_FOLLOW), ERR_LOOP);
    EXPECT_STATUS(tree_find(&t, "x/z", PATH_FOLLOW), ERR_LOOP);
    EXPECT_OK(tree_find(&t, "x", PATH_NOFOLLOW));
    tree_end(&t);
}

TEST(nothing_leads_out_of_a_root)
{
    struct tree t;
    struct vnode *a;
    build(&t);
    EXPECT_OK(tree_symlink(&t, "../../a", "a/out"));
    EXPECT_OK(path_find(&t.base, tree_text("a"), PATH_FOLLOW, &a));
    uint64_t inode = a->inode;
    fs_context_set_root(t.base.context, a);
    vnode_ref(a);
    fs_context_set_cwd(t.base.context, a);
    EXPECT_EQ(tree_inode(&t, "/"), inode);
    EXPECT_EQ(tree_inode(&t, ".."), inode);
    EXPECT_EQ(tree_inode(&t, "b/../../.."), inode);
    EXPECT_STATUS(tree_find(&t, "out", PATH_FOLLOW), ERR_NOENT);
    EXPECT_STATUS(tree_find(&t, "/a", PATH_FOLLOW), ERR_NOENT);
    tree_end(&t);
}

TEST(a_directory_knows_its_path)
{
    struct tree t;
    struct vnode *v;
    char text[16];
    size_t len;
    build(&t);
    EXPECT_OK(path_find(&t.base, tree_text("a/b"), PATH_FOLLOW, &v));
    EXPECT_OK(path_of(t.base.context, v, text, sizeof(text), &len));
    EXPECT_STR(text, "/a/b");
    EXPECT_EQ(len, 4);
    EXPECT_STATUS(path_of(t.base.context, v, text, 4, &len), ERR_RANGE);
    EXPECT_OK(tree_unlink(&t, "a/b/f"));
    EXPECT_OK(tree_rmdir(&t, "a/b"));
    EXPECT_STATUS(path_of(t.base.context, v, text, sizeof(text), &len), ERR_NOENT);
    vnode_unref(v);
    EXPECT_OK(path_of(t.base.context, t.mount->root, text, sizeof(text), &len));
    EXPECT_STR(text, "/");
    tree_end(&t);
}

TEST(who_may_what_is_asked_of_capabilities_first_and_modes_second)
{
    struct tree t;
    struct cred *owner;
    struct cred *other;
    struct cred *guest;
    build(&t);
    EXPECT_OK(cred_create(7, 7, 1, SWOS_CAP_FS_READ | SWOS_CAP_TMP_WRITE, &owner));
    EXPECT_OK(cred_create(8, 8, 1, SWOS_CAP_FS_READ | SWOS_CAP_TMP_WRITE, &other));
    EXPECT_OK(cred_create(7, 7, 1, SWOS_CAP_SPAWN, &guest));
    struct vnode *v;
    EXPECT_OK(path_find(&t.base, tree_text("a/b/f"), PATH_FOLLOW, &v));
    EXPECT_OK(vfs_set_owner(v, &t.base, 7, 7));
    EXPECT_OK(vfs_set_mode(v, &t.base, 0640));
    EXPECT_OK(vnode_may(v, owner, WANT_READ | WANT_WRITE));
    EXPECT_STATUS(vnode_may(v, owner, WANT_EXECUTE), ERR_ACCES);
    EXPECT_STATUS(vnode_may(v, other, WANT_READ), ERR_ACCES);
    EXPECT_STATUS(vnode_may(v, guest, WANT_READ), ERR_ACCES);
    EXPECT_OK(vfs_set_mode(v, &t.base, 0644));
    EXPECT_OK(vnode_may(v, other, WANT_READ));
    EXPECT_STATUS(vnode_may(v, other, WANT_WRITE), ERR_ACCES);
    vnode_unref(v);
    cred_unref(owner);
    cred_unref(other);
    cred_unref(guest);
    tree_end(&t);
}

TEST(only_owners_change_modes_and_only_administrators_owners)
{
    struct tree t;
    struct cred *owner;
    struct cred *other;
    build(&t);
    EXPECT_OK(cred_create(7, 7, 1, SWOS_CAP_FS_READ | SWOS_CAP_TMP_WRITE, &owner));
    EXPECT_OK(cred_create(8, 8, 1, SWOS_CAP_FS_READ | SWOS_CAP_TMP_WRITE, &other));
    struct vnode *v;
    EXPECT_OK(path_find(&t.base, tree_text("a/b/f"), PATH_FOLLOW, &v));
    EXPECT_OK(vfs_set_owner(v, &t.base, 7, 7));
    struct path_base base = t.base;
    base.who = other;
    EXPECT_STATUS(vfs_set_mode(v, &base, 0666), ERR_PERM);
    EXPECT_STATUS(vfs_set_owner(v, &base, 8, 8), ERR_PERM);
    base.who = owner;
    EXPECT_OK(vfs_set_mode(v, &base, 0600));
    EXPECT_STATUS(vfs_set_owner(v, &base, 8, 7), ERR_PERM);
    EXPECT_OK(vfs_set_owner(v, &base, 7, 7));
    base.can_administer = true;
    EXPECT_OK(vfs_set_owner(v, &base, 8, 8));
    vnode_unref(v);
    cred_unref(owner);
    cred_unref(other);
    tree_end(&t);
}

TEST(in_a_sticky_directory_only_owners_take_names_away)
{
    struct tree t;
    struct cred *one;
    struct cred *two;
    EXPECT_OK(tree_begin(&t, "mode=1777"));
    EXPECT_OK(cred_create(1, 1, 1, SWOS_CAP_ALL, &one));
    EXPECT_OK(cred_create(2, 2, 1, SWOS_CAP_ALL, &two));
    t.base.who = one;
    EXPECT_OK(tree_file(&t, "f", "x"));
    t.base.who = two;
    EXPECT_STATUS(tree_unlink(&t, "f"), ERR_PERM);
    EXPECT_STATUS(tree_rename(&t, "f", "g", 0), ERR_PERM);
    EXPECT_STATUS(tree_file(&t, "f", "y"), ERR_ACCES);
    t.base.who = one;
    EXPECT_OK(tree_unlink(&t, "f"));
    cred_unref(one);
    cred_unref(two);
    tree_end(&t);
}
