// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/devfs/devfs.h"

#include "abi/fcntl.h"
#include "kernel/dev/chardev.h"
#include "kernel/vfs/change.h"
#include "kernel/vfs/mount.h"
#include "kernel/vfs/names.h"
#include "kernel/vfs/open.h"
#include "tests/harness/test.h"

static uint32_t opened_with;

static status_t refuse(struct chardev *, uint32_t flags, struct file **)
{
    opened_with = flags;
    return ERR_BUSY;
}

static const struct chardev_ops ops = {.open = refuse};

static struct {
    struct mount *mount;
    struct path_base base;
    struct chardev device;
} dev;

static void begin(void)
{
    dev.base = (struct path_base){};
    EXPECT_OK(devfs_create("dev", 0, "", &dev.mount));
    EXPECT_OK(fs_context_create(dev.mount->root, &dev.base.context));
    chardev_init(&dev.device, &ops, CHARDEV_ROOT, "thing", 0640);
    chardev_add(&dev.device);
}

static void end(void)
{
    chardev_remove(&dev.device);
    fs_context_unref(dev.base.context);
    names_forget_mount(dev.mount);
    EXPECT_EQ(atomic_load(&dev.mount->users), 1);
    dev.mount->ops->unmount(dev.mount);
}

static status_t open_at(const char *path, uint32_t flags)
{
    struct file *f;
    status_t status = vfs_open(&dev.base, span_of(path, strlen(path)), flags, 0666, &f);
    if (status == OK) {
        file_unref(f);
    }
    return status;
}

TEST(a_device_is_opened_by_its_driver_while_it_is_there)
{
    begin();
    EXPECT_STATUS(open_at("thing", ABI_O_RDWR | ABI_O_NOCTTY), ERR_BUSY);
    EXPECT_EQ(opened_with, (FILE_READ | FILE_WRITE | ABI_O_NOCTTY));
    EXPECT_OK(open_at("thing", ABI_O_PATH));
    EXPECT_STATUS(open_at("thong", ABI_O_RDWR), ERR_NOENT);
    EXPECT_OK(open_at("pts", ABI_O_RDONLY | ABI_O_DIRECTORY));
    EXPECT_STATUS(open_at("pts/thing", ABI_O_RDONLY), ERR_NOENT);
    end();
}

TEST(a_directory_that_each_look_up_makes_anew_cannot_be_covered)
{
    struct vnode *v;
    struct mount *m;
    begin();
    EXPECT_OK(devfs_create("dev", 0, "", &m));
    EXPECT_OK(path_find(&dev.base, span_of("pts", 3), PATH_FOLLOW, &v));
    EXPECT_STATUS(mount_attach(m, v), ERR_INVAL);
    vnode_unref(v);
    m->ops->unmount(m);
    end();
}

TEST(a_device_keeps_its_mode_and_nothing_can_be_made_beside_it)
{
    struct vnode *v;
    begin();
    EXPECT_OK(path_find(&dev.base, span_of("thing", 5), PATH_FOLLOW, &v));
    EXPECT_EQ(vnode_mode(v), 0640);
    EXPECT_OK(vfs_set_mode(v, &dev.base, 0600));
    vnode_unref(v);
    EXPECT_OK(path_find(&dev.base, span_of("thing", 5), PATH_FOLLOW, &v));
    EXPECT_EQ(vnode_mode(v), 0600);
    vnode_unref(v);
    EXPECT_STATUS(open_at("new", ABI_O_CREAT | ABI_O_RDWR), ERR_ROFS);
    EXPECT_STATUS(vfs_unlink(&dev.base, span_of("thing", 5), UNLINK_FILE), ERR_ROFS);
    end();
}
