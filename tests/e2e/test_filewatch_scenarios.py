"""What people and programs do to a tree, and exactly what is told of it.

A scene is what is in the tree at the beginning, and steps: a shell script (in the tree, $OUT is a folder outside), a function,
or `tell`, which waits until all is told and compares. At the end what was told, replayed over the beginning, has to be the tree.
"""

import contextlib
import itertools
import mmap
import os
import shutil
import time

import pytest
from daemon import wait_until
from filewatch import Link, changed, compare, created, moved, removed, world_fixture  # noqa: F401

# What one write changes, and what becomes of a file that was put in place of another.
WRITTEN = ("size", "mtime", "ctime")
LONG = {"settle": "700ms"}


class Tell:
    def __init__(self, wanted, sentinel=True, tolerate=None):
        self.wanted, self.sentinel, self.tolerate = wanted, sentinel, tolerate

    def __call__(self, world):
        world.expect(*self.wanted, sentinel=self.sentinel, tolerate=self.tolerate)


def tell(*wanted, **more):
    return Tell(wanted, **more)


def either(*alternatives):
    """For what the plugin may take this way or that."""
    def tell_one(world):
        found, wrong = world.sync(), []
        for wanted in alternatives:
            try:
                return compare(found, [told for part in wanted for told in part])
            except AssertionError as error:
                wrong.append(str(error))
        raise AssertionError("\n".join(wrong))

    return tell_one


class Scene:
    def __init__(self, name, before, *steps, needs=(), marks=None, **options):
        self.name, self.before, self.steps, self.needs = name, before, steps, needs
        self.marks, self.options = marks or {}, options


def restart(world):
    world.daemon.restart()


def stop(world):
    world.daemon.stop()


def kill(world):
    world.daemon.kill()


def start(world):
    world.daemon.start()


def not_there(world):
    world.wait_health("degraded", "not there")


# ---- Steps that a shell cannot do


def remove_and_make(world):
    """The inode stays in use, so that the new file gets another one."""
    world.opened.append(open(world.tree / "a", "rb"))  # pylint: disable=consider-using-with
    os.unlink(world.tree / "a")
    world.write("a", "something else\n")


def write_ten_times(world):
    for number in range(10):
        world.append("a", f"{number}\n")


def keep_open(world):
    world.open("a").write(b"one\n")


def keep_two_open(world):
    for _ in range(2):
        world.open("a").write(b"one\n")


def write_on(world):
    world.opened[-1].write(b"two\n")


def close_one(world):
    world.opened.pop().close()


def drip(world):
    """A byte now and then, over more than the quiet time."""
    for _ in range(12):
        with open(world.tree / "a", "ab") as file:
            file.write(b"x")
        pause = time.monotonic() + 0.06
        wait_until(lambda pause=pause: time.monotonic() > pause, "the next byte")


def drip_in_one(world):
    file = world.open("a")
    for _ in range(12):
        file.write(b"x")
        pause = time.monotonic() + 0.06
        wait_until(lambda pause=pause: time.monotonic() > pause, "the next byte")
    close_one(world)


def map_and_write(world):
    with open(world.tree / "a", "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[0:4] = b"HEAD"
        mapped.flush()


def read_all(world):
    for path in world.tree.rglob("*"):
        if path.is_file():
            path.read_bytes()


def same_size_and_mtime(world):
    """Another content that only the ctime gives away."""
    before = os.stat(world.tree / "a")
    world.write("a", "2\n")
    os.utime(world.tree / "a", ns=(before.st_atime_ns, before.st_mtime_ns))


def cut_by_name(world):
    """Nothing is opened, and so nothing is closed."""
    os.truncate(world.tree / "a", 2)


def set_attribute(world):
    with contextlib.suppress(OSError):
        os.setxattr(world.tree / "a", "user.colour", b"red")
        return
    os.chmod(world.tree / "a", 0o600)


def link_in(world):
    """A file that has no name until it is whole."""
    file = os.open(world.tree, os.O_TMPFILE | os.O_WRONLY)
    os.write(file, b"1\n")
    # With a descriptor it follows links, as it has to.
    os.link(f"/proc/self/fd/{file}", world.tree / "a", src_dir_fd=file)
    os.close(file)


def keep_open_in_a_new_folder(world):
    """Before anybody can have seen the folder."""
    os.mkdir(world.tree / "d")
    world.open("d/a").write(b"one\n")


def exchange_files(world):
    world.exchange("a", "b")


def exchange_folders(world):
    world.exchange("x", "y")


def rename_under_a_writer(world):
    file = world.open("d/new")
    file.write(b"one\n")
    world.sh("mv d e")
    file.write(b"two\n")
    close_one(world)


def vim(backup, copy, swap=True):
    """The calls that vim makes for `:w`; `copy` is backupcopy=yes. Between opening and closing there is a swap file."""
    def save(world):
        path = world.tree
        if swap:
            world.write(".a.swp", "b0VIM 9.0")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path / "a~")
        if copy:
            shutil.copyfile(path / "a", path / "a~")
        else:
            # May a file be made here? 4913 is what it is called.
            os.close(os.open(path / "4913", os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW, 0o100644))
            os.chown(path / "4913", os.getuid(), os.getgid())
            os.unlink(path / "4913")
            os.rename(path / "a", path / "a~")
        file = os.open(path / "a", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(file, b"what vim has written\n")
        os.fsync(file)
        os.close(file)
        os.chmod(path / "a", 0o644)
        if not backup:
            os.unlink(path / "a~")
        if swap:
            os.unlink(path / ".a.swp")

    return save


def real_vim(settings):
    editor = "vim" if shutil.which("vim") else "vim.tiny"
    return (f"{editor} -u NONE -i NONE -es -c 'set nocompatible backupdir=. backupskip= directory=. {settings}'"
            " -c 'edit a' -c 'normal Gonew line' -c wq")


def emacs(world):
    """Of one session: the lock, an auto-save, the backup by renaming, and the file anew."""
    path = world.tree
    os.symlink("tester@host.4711:1790000000", path / ".#a")
    world.write("#a#", "half of it")
    os.rename(path / "a", path / "a~")
    world.write("a", "what emacs has written\n")
    os.chmod(path / "a", 0o644)
    os.unlink(path / "#a#")
    os.unlink(path / ".#a")


def names_with_everything(world):
    for name in NAMES:
        world.write(name, "x\n")


NAMES = ["new\nline", "tab\there", "'single'", '"double"', "back\\slash", "-rf", " leading and trailing ", "\U0001f980", "é",
          "e\u0301",
         "\x01\x1f\x7f", "$(HOME)", "%s%n", "*", "[a]", "x" * 255, "\u00fc" * 127, "a:b|c<d>e?f", "{\"json\": 1}"]
BROKEN = [os.fsdecode(name) for name in (b"latin-\xe9", b"\xff\xfe", b"half \xc3", b"\xed\xa0\x80 surrogate",
          b"over\xc0\xaflong")]


def broken_names(world):
    for name in BROKEN:
        world.write(name, "x\n")


def rename_broken_names(world):
    os.rename(world.tree / BROKEN[0], world.tree / "good")
    os.rename(world.tree / BROKEN[1], world.tree / BROKEN[0])


def deep_path(world):
    """As long as a path may be for a system call."""
    left = 4090 - len(os.fsencode(world.tree))
    return "/".join(["d" * 200] * (left // 201 - 1)) + "/f"


def make_deep(world):
    path = world.tree / deep_path(world)
    path.parent.mkdir(parents=True)
    path.write_text("x\n")


def tell_deep(world):
    world.expect(created(deep_path(world)))


def deeper_than_any_path(world):
    """Also beyond that; it cannot be named any more, and harms nobody."""
    name = "d" * 250
    here = os.open(world.tree, os.O_RDONLY)
    for _ in range(20):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def many(pattern, *counts):
    return [pattern.format(*numbers) for numbers in itertools.product(*map(range, counts))]


def make_many(names):
    def make(world):
        for name in names:
            (world.tree / name).parent.mkdir(exist_ok=True, parents=True)
            world.write(name, "x\n")

    return make


FLAT = many("many/{}", 10000)
SPREAD = many("many/{}/{}/f", 60, 50)
SMALL = many("t/{}/{}", 8, 8)
TREE = {name: f"{name}\n" for name in SMALL}

TWO_BRANCHES = """
git init -q -b main .
mkdir both old new && for i in $(seq 30); do echo $i > both/$i; echo $i > old/$i; done
git add . && git commit -q -m main
git checkout -q -b other
for i in $(seq 30); do echo other $i > both/$i; echo new $i > new/$i; done
git rm -q -r old && git add . && git commit -q -m other && git checkout -q main
"""
BOTH, OLD, NEW = (many(name + "/{}", 31)[1:] for name in ("both", "old", "new"))

SITE = "mkdir -p $OUT/site/img $OUT/site/css/deep && cd $OUT/site && echo h > index.html && echo c > css/a.css && " \
    "echo d > css/deep/b.css && head -c 100000 /dev/zero > img/logo && cd $TREE; "
SITE_FILES = ("site/index.html", "site/css/a.css", "site/css/deep/b.css", "site/img/logo")

SIMPLE = [
    Scene("a file is made", {}, "echo 1 > a", tell(created("a"))),
    Scene("an empty file is made", {}, ": > a", tell(created("a"))),
    Scene("a file is written", {"a": "1\n"}, "echo 22 > a", tell(changed("a", *WRITTEN))),
    Scene("a file is written with as many bytes", {"a": "1\n"}, "echo 2 > a", tell(changed("a", "mtime", "ctime"))),
    Scene("a file is added to", {"a": "1\n"}, "echo 2 >> a", tell(changed("a", *WRITTEN))),
    Scene("a file is cut", {"a": "12345\n"}, "truncate -s 2 a", tell(changed("a", *WRITTEN))),
    Scene("a file is cut by its name", {"a": "12345\n"}, cut_by_name, tell(changed("a", *WRITTEN))),
    Scene("a file gets an extended attribute", {"a": "1\n"}, set_attribute, tell(changed("a", "ctime"))),
    Scene("a file gets its name when it is whole", {}, link_in, tell(created("a")), "echo 22 > a", tell(changed("a", *WRITTEN))),
    Scene("a file is emptied", {"a": "12345\n"}, ": > a", tell(changed("a", *WRITTEN))),
    Scene("a file is removed", {"a": "1\n"}, "rm a", tell(removed("a"))),
    Scene("a file is only read", {"a": "1\n", "d/b": "2\n"}, read_all, tell()),
    Scene("a file is opened for writing and not written", {"a": "1\n"}, "exec 3>>a; exec 3>&-", tell()),
    Scene("a file is written ten times within the quiet time", {"a": "0\n"}, write_ten_times, tell(changed("a", *WRITTEN)),
          **LONG),
    Scene("a file is made and written within the quiet time", {}, "echo 1 > a; echo 2 >> a; chmod 600 a", tell(created("a")),
          **LONG),
    Scene("a file is made and removed within the quiet time", {}, "echo 1 > a; rm a", tell(), **LONG),
    Scene("a file is written and removed within the quiet time", {"a": "1\n"}, "echo 22 > a; rm a", tell(removed("a")), **LONG),
    Scene("a file is removed and made again within the quiet time", {"a": "1\n"}, remove_and_make,
          tell(changed("a", "inode", *WRITTEN)), **LONG),
    Scene("a file is removed and made again after the quiet time", {"a": "1\n"}, "rm a", tell(removed("a")), "echo 2 > a",
          tell(created("a"))),
    Scene("another file is made with the inode of one that was removed", {"a": "1\n"}, "rm a; echo 1 > b",
          tell(removed("a"), created("b")), **LONG),
    Scene("one change after the other", {}, "echo 1 > a", tell(created("a")), "echo 22 > a", tell(changed("a", *WRITTEN)),
          "mv a b", tell(moved("b", "a")), "rm b", tell(removed("b"))),
    Scene("times are set", {"a": "1\n"}, "touch -d 2001-02-03T04:05:06.789Z a", tell(changed("a", "mtime", "ctime"))),
    Scene("times before 1970 and far ahead are set", {"a": "1\n", "b": "2\n"},
          "touch -d 1965-02-03T04:05:06.789Z a; touch -d 2262-01-01T00:00:00Z b",
          tell(changed("a", "mtime", "ctime"), changed("b", "mtime", "ctime"))),
    Scene("permissions are changed", {"a": "1\n"}, "chmod 600 a", tell(changed("a", "ctime"))),
    Scene("permissions are changed and attributes are not of interest", {"a": "1\n"}, "chmod 600 a", tell(), "echo 22 > a",
          tell(changed("a", *WRITTEN)), attributes=False),
    Scene("permissions of a folder are changed", {"d/a": "1\n"}, "chmod 700 d", tell()),
    Scene("a file with holes is made", {}, "truncate -s 3G a", tell(created("a"))),
    Scene("a file is written through a mapping", {"a": "head tail\n"}, map_and_write, tell(changed("a", "mtime", "ctime"))),
    Scene("other kinds of files are not told", {}, "mkfifo f; mkdir d", tell()),
    Scene("other kinds of files are told when asked for", {}, "mkfifo f; echo 1 > a; ln -s a l", tell(created("f", "a")),
          "rm f", tell(removed("f")), types=["file", "other"]),
]

WRITERS = [
    Scene("a file that is being written is told when it is closed", {}, keep_open, tell(), write_on, tell(), close_one,
          tell(created("a", open=False))),
    Scene("a file that is being written by two is told when the second has closed it", {"a": "0\n"}, keep_two_open, tell(),
          close_one,
          tell(), close_one, tell(changed("a", *WRITTEN))),
    Scene("a file that stays open is told at last", {}, keep_open, tell(created("a", open=True), sentinel=False), write_on,
          close_one,
          tell(changed("a", *WRITTEN, open=False)), settleMax="1s"),
    Scene("a file that stays open is told at last, and not again when nothing was written", {}, keep_open,
          tell(created("a", open=True), sentinel=False), close_one, tell(), settleMax="1s"),
    Scene("a file that stays open is told once it is quiet, when nobody waits for that", {}, keep_open, tell(created("a")),
          write_on,
          tell(changed("a", *WRITTEN)), close_one, tell(), waitForClose=False),
    Scene("a file that is written now and then is told when it is quiet", {}, drip, tell(created("a")), settle="400ms"),
    Scene("a file that is written slowly is told once", {"a": "x"}, drip_in_one, tell(changed("a", *WRITTEN))),
    Scene("a file that is written slowly is told once, also when nobody waits for its close", {"a": "x"}, drip_in_one,
          tell(changed("a", *WRITTEN)), waitForClose=False),
    Scene("a file that is kept open for reading is told", {"a": "1\n"},
          lambda world: world.open("a", "rb"), "echo 22 > a", tell(changed("a", *WRITTEN))),
    Scene("a file that was open before the daemon came is told when it is closed", {"a": "1\n"},
          stop, keep_open, start, tell(), write_on, close_one, tell(changed("a", *WRITTEN))),
    Scene("a file that is being written in a new folder is told when it is closed", {}, keep_open_in_a_new_folder, tell(), write_on,
          tell(), close_one, tell(created("d/a", open=False))),
    Scene("a file that is removed while it is open", {}, keep_open, "rm a", tell(), close_one, tell()),
    Scene("a file that is moved while it is open", {}, keep_open, "mv a b", tell(), write_on, close_one, tell(created("b"))),
]

FOLDERS = [
    Scene("folders are made deep and written to at once", {}, "mkdir -p a/b/c/d && echo 1 > a/b/c/d/f && echo 1 > a/b/g",
          tell(created("a/b/c/d/f", "a/b/g"))),
    Scene("a tree is copied in", {}, SITE + "cp -r $OUT/site .", tell(created(*SITE_FILES))),
    Scene("a tree is copied in with its times", {}, SITE + "cp -a $OUT/site .", tell(created(*SITE_FILES))),
    Scene("a tree is copied within", TREE, "cp -r t u", tell(created(*[f"u{name[1:]}" for name in SMALL]))),
    Scene("a tree is moved in", {}, SITE + "mv $OUT/site .", tell(created(*SITE_FILES)), "echo 1 > site/css/deep/n",
          tell(created("site/css/deep/n"))),
    Scene("a tree is moved out", TREE, "mv t $OUT/gone", tell(removed(*SMALL)), "echo 1 > $OUT/gone/0/0; echo 1 > $OUT/gone/n",
          tell()),
    Scene("a tree is moved out and in again", TREE, "mv t $OUT/gone", tell(removed(*SMALL)), "mv $OUT/gone t",
          tell(created(*SMALL)),
          "echo 1 > t/0/n", tell(created("t/0/n"))),
    Scene("a tree is moved out and in again within the quiet time", TREE, "mv t $OUT/gone; mv $OUT/gone t", tell(), **LONG),
    Scene("a folder is renamed", TREE, "mv t u", tell(*[moved(f"u{name[1:]}", name) for name in SMALL]), "echo 1 > u/3/n",
          tell(created("u/3/n"))),
    Scene("a folder is renamed there and back", TREE, "mv t u; mv u t", tell(), "echo 1 > t/3/n", tell(created("t/3/n")), **LONG),
    Scene("a folder is renamed twice", TREE, "mv t u; mv u v", tell(*[moved(f"v{name[1:]}", name) for name in SMALL]), **LONG),
    Scene("a folder is moved into another", {**TREE, "x/y/z": "1\n"}, "mv t/3 x/y/", tell(
        *[moved(f"x/y/3/{name}", f"t/3/{name}") for name in range(8)]), "echo 1 > x/y/3/n", tell(created("x/y/3/n"))),
    Scene("folders change places", {"x/p": "1\n", "y/q": "2\n"}, exchange_folders, tell(moved("x/q", "y/q"), moved("y/p", "x/p")),
          "echo 1 > x/n; echo 2 > y/n", tell(created("x/n", "y/n"))),
    Scene("folders with the same names in them change places", {"x/p": "1\n", "y/p": "222\n"}, exchange_folders,
          tell(changed("x/p"), changed("y/p"))),
    Scene("an old folder is made again under a name that a renamed one left", {"d/a": "1\n"}, "mv d e; mkdir d; echo 2 > d/b",
          tell(moved("e/a", "d/a"), created("d/b")), **LONG),
    Scene("an old folder's file is made again where a renamed one left it", {"d/a": "1\n"}, "mv d e; mkdir d; echo 2 > d/a",
          tell(created("e/a"), changed("d/a")), **LONG),
    Scene("a folder is renamed while a file in it is written", {"d/a": "1\n"}, rename_under_a_writer,
          tell(moved("e/a", "d/a"), created("e/new")), **LONG),
    Scene("a folder is renamed and a file in it written", {"d/a": "1\n", "d/b": "1\n"}, "mv d e; echo 22 > e/a",
          tell(moved("e/a", "d/a"), moved("e/b", "d/b")), **LONG),
    Scene("a folder is renamed and a file in it removed", {"d/a": "1\n", "d/b": "1\n"}, "mv d e; rm e/a",
          tell(removed("d/a"), moved("e/b", "d/b")), **LONG),
    Scene("a folder is renamed and a file taken out of it", {"d/a": "1\n", "d/b": "1\n"}, "mv d e; mv e/a f",
          tell(moved("f", "d/a"), moved("e/b", "d/b")), **LONG),
    Scene("a folder is renamed over an empty one", {"d/a": "1\n", "e": None}, "mv -T d e", tell(moved("e/a", "d/a")), "echo 1 > e/n",
          tell(created("e/n"))),
    Scene("a folder becomes a link to another", {"d/a": "1\n", "e/b": "1\n"}, "rm -r d; ln -s e d", tell(removed("d/a"), created("d")),
          **LONG),
    Scene("a folder inside of a renamed one is renamed", {"d/x/a": "1\n", "d/b": "1\n"}, "mv d e; mv e/x e/y; mv e f",
          tell(moved("f/y/a", "d/x/a"), moved("f/b", "d/b")), **LONG),
    Scene("a folder is moved to where it is excluded and back", {"d/a": "1\n", "hidden": None}, "mv d hidden/",
          tell(removed("d/a")), "mv hidden/d .", tell(created("d/a")), exclude="/hidden/"),
    Scene("a tree is removed", TREE, "rm -rf t", tell(removed(*SMALL))),
    Scene("a tree is removed and copied in again within the quiet time", {"t/0": "1\n", "t/1": "2\n"},
          "cp -r t $OUT/t; rm -rf t; cp -r $OUT/t t", tell(changed("t/0"), changed("t/1")), **LONG),
    Scene("an empty folder comes and goes", {}, "mkdir d", tell(), "rmdir d", tell()),
    # A folder that is moved is looked through, which takes its time, while sentinels are told.
    Scene("ten thousand files come in one folder", {}, make_many(FLAT), tell(created(*FLAT)), "rm -rf many",
          tell(removed(*FLAT), sentinel=False), tell()),
    Scene("three thousand folders come at once", {}, make_many(SPREAD), tell(created(*SPREAD), sentinel=False), tell(),
          "echo 2 > many/59/49/f", tell(changed("many/59/49/f")), "mv many more",
          tell(*[moved(f"more{name[4:]}", name) for name in SPREAD], sentinel=False), tell()),
    Scene("folders come and go faster than one can look", {},
          "for i in $(seq 200); do mkdir -p q/$i/x; echo 1 > q/$i/x/f; rm -rf q/$i; done",
          "mkdir -p q/l && echo 1 > q/l/f", tell(created("q/l/f"))),
    Scene("directories are told when asked for", {"d/e/f": "1\n"}, "mkdir -p a/b; echo 1 > a/b/f", tell(created("a", "a/b")),
          "chmod 700 a; touch a/b", tell(), "mv a c", tell(moved("c", "a"), moved("c/b", "a/b")), "rm -r c d",
          tell(removed("c", "c/b", "d", "d/e")), types=["directory"], marks={"mark": "directory"}),
    Scene("directories and files are told when asked for", {}, "mkdir d; echo 1 > d/f; ln -s f d/l", tell(created("d", "d/f")),
          "mv d e", tell(moved("e", "d"), moved("e/f", "d/f")), types=["file", "directory"]),
]

REPLACED = [
    Scene("a file is renamed", {"a": "1\n"}, "mv a b", tell(moved("b", "a"))),
    Scene("a file is renamed and written", {"a": "1\n"}, "mv a b; echo 22 > b", tell(moved("b", "a")), **LONG),
    Scene("a file is renamed twice", {"a": "1\n"}, "mv a b; mv b c", tell(moved("c", "a")), **LONG),
    Scene("a file is renamed there and back", {"a": "1\n"}, "mv a b; mv b a", tell(changed("a", "ctime")), **LONG),
    Scene("a file is moved into another folder", {"x/a": "1\n", "y/b": "1\n"}, "mv x/a y/", tell(moved("y/a", "x/a"))),
    Scene("a file is moved into a new folder", {"a": "1\n"}, "mkdir n && mv a n/", tell(moved("n/a", "a"))),
    Scene("a file is moved in", {}, "echo 1 > $OUT/a; mv $OUT/a .", tell(created("a"))),
    Scene("a file is moved out", {"a": "1\n"}, "mv a $OUT/", tell(removed("a"))),
    Scene("a file is moved over another", {"a": "1\n", "b": "22\n"}, "mv a b", tell(changed("b"), removed("a"))),
    Scene("a file is moved out and another one in", {"a": "1\n"}, "echo 22 > $OUT/b; mv a $OUT/; mv $OUT/b a", tell(changed("a")),
          **LONG),
    Scene("a file is replaced by one from the same folder", {"a": "1\n"}, "echo 22 > .a.tmp; mv .a.tmp a",
          tell(changed("a", "inode", *WRITTEN)), **LONG),
    Scene("a file is put in place from the same folder", {}, "echo 22 > .a.tmp; mv .a.tmp a", tell(created("a")), **LONG),
    Scene("a file is replaced by one from another folder", {"a": "1\n", "tmp/x": ""}, "echo 22 > tmp/a; mv tmp/a a",
          tell(changed("a", "inode", *WRITTEN)), **LONG),
    Scene("a file is replaced by one that was told before", {"a": "1\n", "tmp/x": ""}, "echo 22 > tmp/a", tell(created("tmp/a")),
          "mv tmp/a a", tell(changed("a", "inode", *WRITTEN), removed("tmp/a"))),
    Scene("a file is replaced by one from outside", {"a": "1\n"}, "echo 22 > $OUT/a; mv $OUT/a a",
          tell(changed("a", "inode", *WRITTEN))),
    Scene("files change places", {"a": "1\n", "b": "22\n"}, exchange_files,
          tell(changed("a", "inode", *WRITTEN), changed("b", "inode", *WRITTEN))),
    Scene("files change places by a third name", {"a": "1\n", "b": "22\n"}, "mv a c; mv b a; mv c b",
          tell(changed("a", "inode", *WRITTEN), changed("b", "inode", *WRITTEN)), **LONG),
    Scene("logs are rotated", {"log": "new\n", "log.1": "older\n"}, "mv log.1 log.2; mv log log.1; echo > log",
          tell(changed("log"), changed("log.1"), created("log.2")), **LONG),
    Scene("a file gets a second name", {"a": "1\n"}, "ln a b", tell(created("b"), changed("a", "ctime"))),
    Scene("a file loses its second name", {"a": "1\n"}, "ln a b", tell(created("b"), changed("a", "ctime")), "rm b",
          tell(removed("b"), changed("a", "ctime"))),
    Scene("a file with two names is written by one of them", {"a": "1\n"}, "ln a b", tell(created("b"), changed("a")),
          "echo 22 > a",
          tell(changed("a", *WRITTEN), changed("b", *WRITTEN))),
    Scene("a file gets another name and loses its own", {"a": "1\n"}, "ln a b; rm a",
          either([moved("b", "a")], [created("b"), removed("a")]), **LONG),
    Scene("a file becomes a folder", {"a": "1\n"}, "rm a; mkdir a; echo 1 > a/f", tell(removed("a"), created("a/f")), **LONG),
    Scene("a folder becomes a file", {"d/f": "1\n"}, "rm -r d; echo 1 > d", tell(removed("d/f"), created("d")), **LONG),
    Scene("a file becomes a symlink", {"a": "1\n"}, "rm a; ln -s nothing a", tell(changed("a")), **LONG),
    Scene("a symlink becomes a file", {"a": Link("nothing")}, "rm a; echo 1 > a", tell(changed("a")), **LONG),
    Scene("a file becomes a fifo", {"a": "1\n"}, "rm a; mkfifo a", tell(removed("a")), **LONG),
]

PROGRAMS = [
    Scene("git checks out another branch", {}, stop, TWO_BRANCHES, start, tell(created(*BOTH, *OLD)), "git checkout -q other",
          tell(*[changed(name) for name in BOTH], removed(*OLD), created(*NEW)), "git checkout -q main",
          tell(*[changed(name) for name in BOTH], removed(*NEW), created(*OLD)), needs=["git"], gitignore=True),
    Scene("git clones into the tree", {}, "git init -q $OUT/r; cd $OUT/r; mkdir d; echo 1 > a; echo 2 > d/b; git add .; git commit -qm x;"
          "cd $TREE; git clone -q $OUT/r site", tell(created("site/a", "site/d/b")), needs=["git"], gitignore=True),
    Scene("git clones into the tree and its folder is excluded by a pattern", {},
          "git init -q $OUT/r; cd $OUT/r; mkdir d; echo 1 > a; echo 2 > d/b; git add .; git commit -qm x; cd $TREE; git clone -q $OUT/r site",
          tell(created("site/a", "site/d/b")), needs=["git"], exclude=".git/"),
    Scene("tar unpacks", {}, SITE + "tar cf $OUT/s.tar -C $OUT site; tar xf $OUT/s.tar", tell(created(*SITE_FILES))),
    Scene("tar unpacks over what is there", {}, SITE + "tar cf $OUT/s.tar -C $OUT site; cp -r $OUT/site .",
          tell(created(*SITE_FILES)),
          "tar xf $OUT/s.tar", tell(*[changed(name) for name in SITE_FILES])),
    Scene("rsync brings a tree", {}, SITE + "rsync -a $OUT/site .", tell(created(*SITE_FILES)), needs=["rsync"], **LONG),
    Scene("rsync brings a tree and has nothing to do", {}, SITE + "rsync -a $OUT/site .", tell(created(*SITE_FILES)),
          "rsync -a $OUT/site .",
          tell(), needs=["rsync"], **LONG),
    Scene("rsync replaces", {}, SITE + "rsync -a $OUT/site .", tell(created(*SITE_FILES)),
          "echo other > $OUT/site/index.html; rsync -a $OUT/site .",
          tell(changed("site/index.html", "inode", *WRITTEN)), needs=["rsync"], **LONG),
    Scene("rsync writes in place", {}, SITE + "rsync -a $OUT/site .", tell(created(*SITE_FILES)),
          "echo other > $OUT/site/index.html; rsync -a --inplace $OUT/site .", tell(changed("site/index.html", *WRITTEN)),
          needs=["rsync"], **LONG),
    Scene("rsync deletes", {}, SITE + "rsync -a $OUT/site .", tell(created(*SITE_FILES)),
          "rm -r $OUT/site/css; rsync -a --delete $OUT/site .",
          tell(removed("site/css/a.css", "site/css/deep/b.css")), needs=["rsync"], **LONG),
    Scene("sed edits in place", {"a": "one\n"}, "sed -i s/one/three/ a", tell(changed("a", "inode", *WRITTEN)), **LONG),
    Scene("vim saves by renaming", {"a": "1\n"}, vim(backup=False, copy=False), tell(changed("a")), **LONG),
    Scene("vim saves by copying", {"a": "1\n"}, vim(backup=False, copy=True), tell(changed("a", *WRITTEN)), **LONG),
    Scene("vim saves by renaming and keeps a backup", {"a": "1\n"}, vim(backup=True, copy=False),
          tell(changed("a"), created("a~")),
          vim(backup=True, copy=False), tell(changed("a"), changed("a~")), **LONG),
    Scene("vim saves by copying and keeps a backup", {"a": "1\n"}, vim(backup=True, copy=True),
          tell(changed("a", *WRITTEN), created("a~")), **LONG),
    Scene("vim is left open", {"a": "1\n"}, "echo b0VIM > .a.swp", tell(created(".a.swp")),
          vim(backup=False, copy=False, swap=False),
          tell(changed("a")), "rm .a.swp", tell(removed(".a.swp")), **LONG),
    Scene("vim is left open and its files are excluded", {"a": "1\n"}, "echo b0VIM > .a.swp", tell(),
          vim(backup=False, copy=False, swap=False), tell(changed("a")), "rm .a.swp", tell(), exclude=[".*.sw?", "*~", "4913"],
          **LONG),
    Scene("vim itself saves", {"a": "1\n"}, real_vim("nobackup writebackup backupcopy=auto"), tell(changed("a")), needs=["vim"],
          **LONG),
    Scene("vim itself saves by renaming", {"a": "1\n"}, real_vim("nobackup writebackup backupcopy=no"), tell(changed("a")),
          needs=["vim"],
          **LONG),
    Scene("vim itself saves by copying", {"a": "1\n"}, real_vim("nobackup writebackup backupcopy=yes"),
          tell(changed("a", *WRITTEN)),
          needs=["vim"], **LONG),
    Scene("vim itself keeps a backup", {"a": "1\n"}, real_vim("backup backupcopy=no"), tell(changed("a"), created("a~")),
          needs=["vim"],
          **LONG),
    Scene("emacs saves", {"a": "1\n"}, emacs, tell(changed("a"), created("a~")), **LONG),
    Scene("emacs is left open", {"a": "1\n"}, "ln -s me@host.1:2 '.#a'; echo half > '#a#'", tell(created(".#a", "#a#")),
          "rm '.#a' '#a#'", tell(removed(".#a", "#a#"))),
    Scene("a database writes its journal beside it", {"a.db": "1\n"}, "echo 1 > a.db-journal; echo 22 >> a.db; rm a.db-journal",
          tell(changed("a.db", *WRITTEN)), **LONG),
]

# What a link leads to outside may have to be polled.
FOLLOWED = {"followSymlinks": True, "pollInterval": "100ms", "pollIntervalMax": "300ms"}

LINKS = [
    Scene("links are told as such", {"a": "1\n", "d/f": "1\n"}, "ln -s a l; ln -s d m; ln -s nowhere n; ln -s . o",
          tell(created("l", "m", "n", "o")),
          "echo 22 > l; echo 1 > m/g", tell(changed("a", *WRITTEN), created("d/g")), "ln -sfn d l", tell(changed("l")), "mv l k",
          tell(moved("k", "l")), "rm k m n o", tell(removed("k", "m", "n", "o"))),
    Scene("links are not told when only files are", {"a": "1\n"}, "ln -s a l; echo 1 > b", tell(created("b")), types="file"),
    Scene("links are told when only they are", {"a": "1\n"}, "ln -s a l; echo 1 > b", tell(created("l")), types="symlink",
          marks={"mark": "symlink"}),
    Scene("a link to a file is followed", {}, "echo 1 > $OUT/f; ln -s $OUT/f l", tell(created("l")), "echo 22 > $OUT/f",
          tell(changed("l", *WRITTEN), sentinel=False), "rm l", tell(removed("l")), **FOLLOWED),
    Scene("a link to a folder is followed", {}, "mkdir -p $OUT/d/e; echo 1 > $OUT/d/f; echo 1 > $OUT/d/e/g; ln -s $OUT/d l",
          tell(created("l/f", "l/e/g")), "echo 22 > $OUT/d/f; echo 1 > $OUT/d/e/h; rm $OUT/d/e/g",
          tell(changed("l/f", *WRITTEN), created("l/e/h"), removed("l/e/g")), "rm l", tell(removed("l/f", "l/e/h")),
          "echo 333 > $OUT/d/f", tell(), **FOLLOWED),
    Scene("a link to a folder of the tree is followed", {"d/f": "1\n"}, "ln -s d l", tell(created("l/f")),
          "echo 22 > d/f; echo 1 > l/g",
          tell(changed("d/f", *WRITTEN), changed("l/f", *WRITTEN), created("d/g", "l/g")), "rm l", tell(removed("l/f", "l/g")),
          "echo 333 > d/f", tell(changed("d/f", *WRITTEN)), **FOLLOWED),
    Scene("links in a circle lead nowhere", {"d/f": "1\n"}, "ln -s . o; ln -s .. d/up; ln -s q p; ln -s p q; ln -s $TREE d/all",
          tell(tolerate=lambda change: change.state.type == "symlink"), "echo 22 > d/f", tell(changed("d/f", *WRITTEN)),
          **FOLLOWED),
    Scene("a link is led elsewhere", {}, "echo 1 > $OUT/f; echo 333 > $OUT/g; ln -s $OUT/f l", tell(created("l")),
          "ln -sfn $OUT/g l",
          tell(changed("l")), "echo 22 > $OUT/f", tell(), "echo 55555 > $OUT/g", tell(changed("l", *WRITTEN), sentinel=False),
          **FOLLOWED),
    Scene("a link to a folder is led elsewhere", {}, "mkdir $OUT/1 $OUT/2; echo 1 > $OUT/1/a; echo 22 > $OUT/1/b; echo 333 > $OUT/2/b; "
          "echo 4 > $OUT/2/c; ln -s $OUT/1 now", tell(created("now/a", "now/b")), "ln -sfn $OUT/2 now",
          tell(removed("now/a"), changed("now/b"), created("now/c")), **FOLLOWED),
    Scene("a dangling link harms nobody", {}, "ln -s $OUT/later l; echo 1 > a",
          tell(created("a"), tolerate=lambda change: change.path == "l"),
          **FOLLOWED),
]

NAMED = [
    Scene("names have everything in them", {}, names_with_everything, tell(created(*NAMES)), "rm -- *", tell(removed(*NAMES))),
    Scene("names are not UTF-8", {}, broken_names, tell(created(*BROKEN)), rename_broken_names,
          tell(changed(BROKEN[0]), removed(BROKEN[1]), created("good")), **LONG),
    Scene("a name that is not UTF-8 is moved", {BROKEN[0]: "1\n"},
          lambda world: os.rename(world.tree / BROKEN[0], world.tree / BROKEN[2]),
          tell(moved(BROKEN[2], BROKEN[0]))),
    Scene("folders have names that are not UTF-8", {BROKEN[0] + "/a": "1\n"}, lambda world: world.append(BROKEN[0] + "/a", "2"),
          tell(changed(BROKEN[0] + "/a", *WRITTEN)), lambda world: os.rename(world.tree / BROKEN[0], world.tree / "d"),
          tell(moved("d/a", BROKEN[0] + "/a"))),
    Scene("a path is as long as can be", {}, make_deep, tell_deep),
    Scene("a path is longer than can be", {}, deeper_than_any_path, "echo 1 > a",
          tell(created("a"), tolerate=lambda change: "/f" in change.path),
          exclude="/nothing"),
    Scene("names differ by case alone", {"a": "1\n"}, "echo 1 > A; mv a b; mv A a", tell(changed("a"), created("b")), **LONG),
]

CHOSEN = [
    Scene("only what is included is told", {}, "mkdir -p d/e; for i in a.md a.txt d/b.md d/e/c.md d/e/c.mdx; do echo 1 > $i; done",
          tell(created("a.md", "d/b.md", "d/e/c.md")), "mv a.md a.txt2; mv d/b.md d/c.md; mv d/e/c.mdx d/e/d.md",
          tell(removed("a.md"), moved("d/c.md", "d/b.md"), created("d/e/d.md")), include="**/*.md", marks={"suffix": ".md"}),
    Scene("a pattern with a slash is anchored", {}, "mkdir -p d/d; echo 1 > a; echo 1 > d/a; echo 1 > d/b; echo 1 > d/d/a; echo 1 > d/d/b",
          tell(created("a", "d/b", "d/d/b")), include=["/a", "b", "d/b", "/sentinel-*"]),
    Scene("a pattern that ends in a slash is for folders", {},
          "mkdir -p x/build d; echo 1 > build; echo 1 > x/build/a; echo 1 > d/a",
          tell(created("build", "d/a")), exclude="build/"),
    Scene("the last pattern that matches wins", {}, "echo 1 > a.log; echo 1 > keep.log; echo 1 > never-keep.log; echo 1 > b",
          tell(created("keep.log", "b")), exclude=["*.log", "!*keep.log", "never*"]),
    Scene("what is below an excluded folder is left out", {"d/keep": "1\n"},
          "echo 22 > d/keep; mkdir d/e; echo 1 > d/e/keep; echo 1 > keep",
          tell(created("keep")), "mv d e", tell(created("e/keep", "e/e/keep")), "mv e d", tell(removed("e/keep", "e/e/keep")),
          exclude=["/d/", "!keep"]),
    Scene("exclude wins over include", {}, "echo 1 > a.md; echo 1 > b.md; echo 1 > c", tell(created("a.md")),
          include="*.md", exclude="b*", marks={"suffix": ".md"}),
    Scene("patterns have classes and question marks", {}, "for i in a1 a2 a3 b1 ax a11; do echo 1 > $i; done; mkdir a; echo 1 > a/1",
          tell(created("a1", "a2", "ax")), include=["a[12x]", "a?1", "!a11", "/sentinel-*"]),
    Scene("two stars go over folders and one does not", {}, "mkdir -p p/q/r; for i in p/f p/q/f p/q/r/f f; do echo 1 > $i; done",
          tell(created("p/q/f", "p/f", "p/q/r/f")), include=["/p/**/f", "/sentinel-*"]),
    Scene("what git ignores is left out", {".gitignore": "*.log\nbuild/\n!keep.log\n/top\n", "sub/.gitignore": "local\n!*.log\n"},
          "mkdir -p build sub/build sub/d .git; for i in a.log keep.log a top sub/a.log sub/local sub/d/local sub/top build/x sub/build/x .git/x;"
          "do echo 1 > $i; done", tell(created("keep.log", "a", "sub/a.log", "sub/top")), gitignore=True),
    Scene("what git ignores changes", {".gitignore": "*.log\n"}, "echo 1 > a.log; echo 1 > a.tmp", tell(created("a.tmp")),
          "rm a.tmp a.log", tell(removed("a.tmp")), "echo '*.tmp' > .gitignore", tell(changed(".gitignore")),
          "echo 1 > b.log; echo 1 > b.tmp", tell(created("b.log")), "mkdir d; echo '!*.tmp' > d/.gitignore",
          tell(created("d/.gitignore")), "echo 1 > d/c.tmp; echo 1 > c.tmp", tell(created("d/c.tmp")), "rm .gitignore",
          tell(removed(".gitignore"), tolerate=lambda change: change.path in ("b.tmp", "c.tmp")), "echo 1 > d.tmp",
          tell(created("d.tmp")), gitignore=True),
    Scene("only creations are asked for", {"a": "1\n", "b": "1\n"}, "echo 1 > c; echo 22 > a; mv b d; rm a", tell(created("c")),
          "rm c", tell(), "echo 22 > c", tell(created("c")), kinds="created"),
    Scene("only removals are asked for", {"a": "1\n"}, "echo 1 > c; echo 22 > a", tell(), "mv a b", tell(), "rm b c",
          tell(removed("b", "c")),
          kinds=["removed"], marks={"mark": "removed"}),
    Scene("only changes are asked for", {"a": "1\n", "b": "1\n"}, "echo 1 > c; rm b", tell(), "echo 22 > c; echo 22 > a",
          tell(changed("c", *WRITTEN), changed("a", *WRITTEN)), kinds=["changed"], marks={"mark": "changed"}),
    Scene("only moves are asked for", {"a": "1\n", "b": "1\n"}, "echo 1 > c; rm b; mv a d", tell(moved("d", "a")), "mv c e",
          tell(moved("e", "c")),
          kinds=["moved"], marks={"mark": "moved"}),
    Scene("a folder that is included is so with all below it", {},
          "mkdir -p docs/x other/docs; for i in docs/a docs/x/b other/docs/c other/d; do "
          "echo 1 > $i; done", tell(created("docs/a", "docs/x/b")), include=["/docs/", "/sentinel-*"]),
    Scene("small files are not told", {"small": "1\n"}, "echo 1 > a; echo 22 >> small", tell(), "head -c 2000 /dev/zero > a",
          tell(created("a")),
          "echo 1 >> a", tell(changed("a", *WRITTEN)), "rm small", tell(), "rm a", tell(removed("a")), minSize="1KiB",
          marks={"size": 2000}),
    Scene("an excluded name becomes another one", {}, "echo 1 > a.part", tell(), "echo 22 >> a.part; mv a.part a",
          tell(created("a")),
          exclude="*.part"),
]

DOWNTIME = [
    Scene("nothing happens while the daemon is down", {**TREE, "l": Link("t")}, restart, tell(), stop, "cat t/*/* > /dev/null",
          start, tell()),
    Scene("nothing happens while the daemon is killed and started", {**TREE}, kill, start, tell()),
    Scene("files are made, written, removed and moved while the daemon is down",
          {"a": "1\n", "b": "22\n", "c": "333\n", "d/e": "4\n"}, stop,
          "echo 1 > n; echo 22 > a; rm b; mv c d/c", start, tell(created("n"), changed("a", *WRITTEN), removed("b"),
          moved("d/c", "c"))),
    Scene("the daemon is killed instead of stopped", {"a": "1\n", "b": "22\n", "c": "333\n", "d/e": "4\n"}, kill,
          "echo 1 > n; echo 22 > a; rm b; mv c d/c", start, tell(created("n"), changed("a", *WRITTEN), removed("b"),
          moved("d/c", "c"))),
    Scene("a folder is moved while the daemon is down", TREE, stop, "mv t u", start,
          tell(*[moved(f"u{name[1:]}", name) for name in SMALL])),
    Scene("a folder is moved and a file in it written while the daemon is down", {"d/a": "1\n", "d/b": "22\n"}, stop,
          "mv d e; echo 333 > e/a", start, either([moved("e/b", "d/b"), moved("e/a", "d/a")],
                                                  [moved("e/b", "d/b"), created("e/a"), removed("d/a")])),
    Scene("a tree comes while the daemon is down", {}, stop, SITE + "cp -r $OUT/site .", start, tell(created(*SITE_FILES))),
    Scene("a tree goes while the daemon is down", TREE, stop, "rm -r t", start, tell(removed(*SMALL))),
    Scene("a content changes that only the ctime gives away", {"a": "1\n"}, stop, same_size_and_mtime, start,
          tell(changed("a", "ctime"))),
    Scene("a content changes that only the ctime gives away, while the daemon runs", {"a": "1\n"}, same_size_and_mtime,
          tell(changed("a", "ctime")), **LONG),
    Scene("a file is replaced while the daemon is down", {"a": "1\n"}, stop, "cp a b; echo 2 >> b; mv b a", start,
          tell(changed("a", "inode", *WRITTEN))),
    Scene("a file is moved over another while the daemon is down", {"a": "1\n", "b": "22\n"}, stop, "mv a b", start,
          tell(changed("b"), removed("a"))),
    Scene("a file becomes a folder while the daemon is down", {"a": "1\n"}, stop, "rm a; mkdir a; echo 1 > a/f", start,
          tell(removed("a"), created("a/f"))),
    Scene("the daemon is stopped before the quiet time is over", {"a": "1\n"}, "echo 22 > a; echo 1 > b", stop, start,
          tell(changed("a", *WRITTEN), created("b")), settle="2s"),
    Scene("the daemon is killed before the quiet time is over", {"a": "1\n"}, "echo 22 > a; echo 1 > b", kill, start,
          tell(changed("a", *WRITTEN), created("b")), settle="2s"),
    Scene("patterns hold for what happened while the daemon was down", {"a.md": "1\n"}, stop,
          "echo 22 > a.md; echo 1 > b.md; echo 1 > c", start,
          tell(changed("a.md", *WRITTEN), created("b.md")), include="*.md", marks={"suffix": ".md"}),
    Scene("the root is gone when the daemon comes back", {"a": "1\n"}, stop, "mv $TREE $OUT/gone", start, not_there,
          "mv $OUT/gone $TREE",
          tell(tolerate=lambda change: change.path == "a")),
]

ROOT = [
    Scene("the root is removed and made again", {"a": "1\n", "d/b": "1\n"}, "cd /; rm -rf $TREE",
          tell(removed("a", "d/b"), sentinel=False),
          not_there, "mkdir $TREE; cd $TREE; mkdir d; echo 1 > d/c", tell(created("d/c"))),
    Scene("the root is removed and made again within the quiet time", {"a": "1\n", "d/b": "1\n"},
          "cd /; rm -rf $TREE; mkdir -p $TREE/d; echo 22 > $TREE/a; echo 1 > $TREE/d/c",
          tell(changed("a"), removed("d/b"), created("d/c")), settle="1500ms"),
    Scene("the root is renamed away and back", {"a": "1\n", "d/b": "1\n"}, "mv $TREE $OUT/away",
          tell(removed("a", "d/b"), sentinel=False),
          not_there, "mv $OUT/away $TREE", tell(created("a", "d/b")), "echo 22 > d/b", tell(changed("d/b", *WRITTEN))),
    Scene("the root is renamed away and back within the quiet time", {"a": "1\n", "d/b": "1\n"},
          "mv $TREE $OUT/away; mv $OUT/away $TREE",
          tell(), "echo 22 > d/b", tell(changed("d/b", *WRITTEN)), settle="1500ms"),
    Scene("what happens to the root under another name is not told", {"a": "1\n"}, "mv $TREE $OUT/away",
          tell(removed("a"), sentinel=False),
          "echo 1 > $OUT/away/n; rm $OUT/away/n; mkdir $TREE; echo 1 > $TREE/c", tell(created("c"))),
    Scene("the root is another folder now", {"a": "1\n", "d/b": "1\n"},
          "cp -r . $OUT/other; mv $TREE $OUT/away; mv $OUT/other $TREE",
          tell(changed("a"), changed("d/b")), "echo 1 > d/n", tell(created("d/n")), settle="1500ms"),
    Scene("the folder above the root is renamed away and back", {"a": "1\n"}, "cd /; mv ${TREE%/*} ${TREE%/*}-away",
          tell(removed("a"), sentinel=False), "cd /; mv ${TREE%/*}-away ${TREE%/*}", tell(created("a"))),
]

POLLED = [
    Scene("files are made, written, moved and removed", {"a": "1\n", "b": "22\n", "d/c": "333\n"},
          "echo 22 > a; mv b d/b; echo 1 > n",
          tell(changed("a", *WRITTEN), moved("d/b", "b"), created("n")), "rm a n; mv d e", tell(
              removed("a", "n"), moved("e/c", "d/c"), moved("e/b", "d/b"))),
    Scene("a tree comes and goes", {}, SITE + "cp -r $OUT/site .", tell(created(*SITE_FILES)), "rm -r site",
          tell(removed(*SITE_FILES))),
    Scene("a file is moved over another", {"a": "1\n", "b": "22\n"}, "mv a b", tell(changed("b"), removed("a"))),
    Scene("files change places", {"a": "1\n", "b": "22\n"}, exchange_files, tell(changed("a"), changed("b"))),
    Scene("the daemon is down for a while", {"a": "1\n", "b": "22\n"}, restart, tell(), stop, "rm a; mv b c", start,
          tell(removed("a"), moved("c", "b"))),
    Scene("the root goes and comes", {"a": "1\n"}, "mv $TREE $OUT/away", tell(removed("a"), sentinel=False), not_there,
          "mv $OUT/away $TREE",
          tell(created("a"))),
]
for polled in POLLED:
    polled.name += ", and it is polled"
    polled.options |= {"poll": "always", "pollInterval": "100ms", "pollIntervalMax": "300ms"}

SCENES = SIMPLE + WRITERS + FOLDERS + REPLACED + PROGRAMS + LINKS + NAMED + CHOSEN + DOWNTIME + ROOT + POLLED


def test_the_scenes_are_many_and_none_is_there_twice():
    assert len(SCENES) >= 70 and len({scene.name for scene in SCENES}) == len(SCENES)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_what_is_told(scene, world):
    for program in scene.needs:
        if not shutil.which(program) and not (program == "vim" and shutil.which("vim.tiny")):
            pytest.skip(f"there is no {program}")
    world.make(scene.before)
    world.begin(**scene.options, **scene.marks)
    for step in scene.steps:
        if isinstance(step, str):
            world.sh(step)
        else:
            step(world)
    world.check_whole()
