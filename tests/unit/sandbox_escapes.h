/* Programs that try to get out, to use more than they may, or to be called right although they are
 * wrong. f() is right when it returns 'held'. The letters are the outcomes that are fine: P pass
 * (here: the attempt failed and f says so), W wrong, E error, T timeout, M memory, O output, K
 * killed. */
#ifndef SANDBOX_ESCAPES_H
#define SANDBOX_ESCAPES_H

/* clang-format off */
#define TRY \
    "import os, sys\n" \
    "def tried(*acts):\n" \
    "    for i, a in enumerate(acts):\n" \
    "        try:\n" \
    "            a()\n" \
    "        except (OSError, ValueError, ImportError, AttributeError, MemoryError, RuntimeError):\n" \
    "            continue\n" \
    "        return 'reached %d' % i\n" \
    "    return 'held'\n"
#define CALL \
    "import ctypes\n" \
    "libc = ctypes.CDLL(None, use_errno=True)\n" \
    "def call(*a):\n" \
    "    r = libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])\n" \
    "    if r == -1:\n" \
    "        raise OSError(ctypes.get_errno(), 'call')\n" \
    "    return r\n"

static const struct {
    const char *name, *outcomes, *program;
} escapes[] = {
    {"processor time", "T",
     "def f():\n"
     "    while True:\n"
     "        pass\n"},
    {"wall time", "T",
     "import time\n"
     "def f():\n"
     "    time.sleep(100)\n"},
    {"processor time past its signal", "T",
     "import signal\n"
     "for n in range(1, 60):\n"
     "    try:\n"
     "        signal.signal(n, signal.SIG_IGN)\n"
     "    except (OSError, ValueError):\n"
     "        pass\n"
     "def f():\n"
     "    while True:\n"
     "        pass\n"},
    {"memory", "M",
     "def f():\n"
     "    x = []\n"
     "    while True:\n"
     "        x.append(bytearray(1 << 20))\n"},
    {"memory at load", "M",
     "x = [0] * (1 << 30)\n"},
    {"memory of many processes", "TEMPO",
     "import os, time\n"
     "def f():\n"
     "    for _ in range(40):\n"
     "        try:\n"
     "            if os.fork() == 0:\n"
     "                x = bytearray(180 << 20)\n"
     "                for i in range(0, len(x), 4096):\n"
     "                    x[i] = 1\n"
     "                time.sleep(100)\n"
     "        except OSError:\n"
     "            pass\n"
     "    time.sleep(100)\n"},
    {"fork bomb", "TEMPKH",
     "import os\n"
     "def f():\n"
     "    while True:\n"
     "        try:\n"
     "            os.fork()\n"
     "        except OSError:\n"
     "            pass\n"},
    {"daemon left behind", "P",
     "import os, time\n"
     "def f():\n"
     "    if os.fork() == 0:\n"
     "        os.setsid()\n"
     "        if os.fork() == 0:\n"
     "            while True:\n"
     "                time.sleep(1)\n"
     "        os._exit(0)\n"
     "    return 'held'\n"},
    {"threads", "PT",
     "import threading, time\n"
     "def f():\n"
     "    try:\n"
     "        while True:\n"
     "            threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n"
     "    except RuntimeError:\n"
     "        return 'held'\n"},
    {"one large file", "P",
     TRY "def f():\n"
     "    fd = os.open('x', os.O_CREAT | os.O_RDWR)\n"
     "    return tried(lambda: os.pwrite(fd, b'x', 1 << 30), lambda: os.ftruncate(fd, 1 << 30))\n"},
    {"a full scratch", "PO",
     "import os\n"
     "def f():\n"
     "    try:\n"
     "        for i in range(100):\n"
     "            fd = os.open('x%d' % i, os.O_CREAT | os.O_WRONLY)\n"
     "            os.write(fd, bytes(1 << 20))\n"
     "            os.close(fd)\n"
     "            if i > 20:\n"
     "                __import__('time').sleep(0.1)\n"
     "    except OSError:\n"
     "        return 'held'\n"
     "    return 'reached'\n"},
    {"many small files", "PO",
     "import os\n"
     "def f():\n"
     "    try:\n"
     "        for i in range(2000):\n"
     "            os.close(os.open('x%d' % i, os.O_CREAT | os.O_WRONLY))\n"
     "            if i > 300 and i % 10 == 0:\n"
     "                __import__('time').sleep(0.02)\n"
     "    except OSError:\n"
     "        return 'held'\n"
     "    return 'reached'\n"},
    {"descriptors", "P",
     TRY "def f():\n"
     "    return tried(lambda: [os.dup(1) for _ in range(100)])\n"},
    {"printing without end", "TP",
     "def f():\n"
     "    for _ in range(200):\n"
     "        print('x' * 100000)\n"
     "    return 'held'\n"},
    {"a value too large", "O",
     "def f():\n"
     "    return 'x' * 10000000\n"},
    {"recursion", "E",
     "def f():\n"
     "    return f()\n"},
    {"stack overflow", "ETM",
     "import sys\n"
     "sys.setrecursionlimit(10 ** 9)\n"
     "def f():\n"
     "    return [f()]\n"},
    {"folders too deep", "PO",
     "import os\n"
     "def f():\n"
     "    for _ in range(150):\n"
     "        os.mkdir('d')\n"
     "        os.chmod('d', 0o700)\n"
     "        os.chdir('d')\n"
     "    os.chmod('.', 0)\n"
     "    return 'held'\n"},
    {"limits raised", "P",
     TRY "import resource as r\n"
     "def f():\n"
     "    return tried(*[lambda k=k: r.setrlimit(k, (r.RLIM_INFINITY, r.RLIM_INFINITY)) for k in (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_NPROC, r.RLIMIT_NOFILE, r.RLIMIT_FSIZE, r.RLIMIT_CORE)])\n"},
    {"hash collisions", "PTWE",
     "def f():\n"
     "    m = (1 << 61) - 1\n"
     "    return {i * m for i in range(1, 40000)}\n"},
    {"sparse and locked memory", "P",
     TRY "import mmap\n"
     "def f():\n"
     "    return tried(lambda: mmap.mmap(-1, 2 << 30))\n"},
    {"network", "P",
     TRY "import _socket as s\n"
     "def f():\n"
     "    return tried(*[lambda a=a, t=t: s.socket(a, t) for a in (1, 2, 10, 16, 17, 38, 40) for t in (1, 2, 3)], s.socketpair)\n"},
    {"files of the host", "P",
     TRY "def f():\n"
     "    return tried(*[lambda p=p: open(p, 'rb').read(1) for p in ('/etc/passwd', '/etc/shadow', '/etc/hostname', '/proc/1/environ', '/proc/self/maps', '/proc/cpuinfo', '/sys/kernel/notes', '/dev/mem', '/dev/vda', '/root/.profile', '/bin/sh', '/var/lib/dpkg/status', '../../etc/passwd', '/etc/machine-id')])\n"},
    {"folders of the host", "P",
     TRY "def f():\n"
     "    return tried(*[lambda p=p: os.listdir(p) for p in ('/', '/etc', '/proc', '/tmp', '/home', '/root', '..', '/sys', '/dev')])\n"},
    {"links to the host", "P",
     TRY "def f():\n"
     "    for i, p in enumerate(('/etc/passwd', '/proc/self/environ', '/', '/dev/mem')):\n"
     "        os.symlink(p, 'l%d' % i)\n"
     "    return tried(*[lambda i=i: open('l%d' % i).read(1) for i in (0, 1, 3)], lambda: os.listdir('l2'), lambda: os.link('/etc/passwd', 'hard'), lambda: os.chdir('l2') or os.open('etc/passwd', 0))\n"},
    {"writing outside", "P",
     TRY "def f():\n"
     "    w = os.O_CREAT | os.O_WRONLY\n"
     "    return tried(*[lambda p=p: os.open(p, w) for p in ('/x', '/tmp/x', '/var/tmp/x', '/dev/shm/x', '/dev/x', '/run/x', os.__file__, os.path.dirname(os.__file__) + '/x.py', sys.executable)], lambda: os.truncate(os.__file__, 0), lambda: os.unlink(os.__file__), lambda: os.chmod(os.__file__, 0), lambda: os.mkdir('/tmp/y'), lambda: os.rename('/dev/null', 'n'))\n"},
    {"terminal", "P",
     TRY "import fcntl\n"
     "def f():\n"
     "    return tried(lambda: os.open('/dev/tty', os.O_RDWR), lambda: os.ttyname(0), lambda: fcntl.ioctl(0, 0x5412, b'x'), lambda: fcntl.ioctl(1, 0x5412, b'x'))\n"},
    {"other processes", "P",
     TRY "def f():\n"
     "    me = os.getpid()\n"
     "    pids = [p for p in list(range(1, 400)) + [os.getppid(), me - 1, me + 1] if p not in (0, me)]\n"
     "    return tried(*[lambda p=p: os.kill(p, 0) for p in pids])\n"},
    {"everybody killed", "PEWH",
     "import os, signal\n"
     "def f():\n"
     "    os.kill(-1, signal.SIGTERM)\n"
     "    return 'held'\n"},
    {"the group killed", "E",
     "import os, signal\n"
     "def f():\n"
     "    os.kill(os.getpid(), signal.SIGSEGV)\n"
     "    os.killpg(0, signal.SIGKILL)\n"
     "    os.abort()\n"},
    {"the environment", "P",
     "import os\n"
     "def f():\n"
     "    return 'held' if not [k for k in os.environ if k not in ('PYTHONHASHSEED', 'PYTHONUTF8', 'HOME', 'TMPDIR', 'LC_CTYPE')] else 'reached'\n"},
    {"descriptors of others", "P",
     TRY "def f():\n"
     "    return tried(*[lambda n=n: os.fstat(n) for n in range(5, 64)])\n"},
    {"privileges", "P",
     TRY "def f():\n"
     "    return tried(lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.seteuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.chroot('.'), lambda: os.chown('.', 0, 0), lambda: os.nice(-5), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))\n"},
    {"other programs", "P",
     TRY "import subprocess\n"
     "def f():\n"
     "    return tried(*[lambda p=p: os.posix_spawn(p, [p], {}) for p in ('/bin/sh', '/usr/bin/env', '/usr/bin/sudo', '/bin/su')], lambda: subprocess.run(['sh', '-c', 'true'], check=True))\n"},
    {"a program of its own", "PE",
     TRY "def f():\n"
     "    with open('p', 'w') as o:\n"
     "        o.write('#!/bin/sh\\ntrue\\n')\n"
     "    os.chmod('p', 0o4755)\n"
     "    if os.fork() == 0:\n"
     "        try:\n"
     "            os.execv('./p', ['p'])\n"
     "        except OSError:\n"
     "            os._exit(7)\n"
     "    return 'held' if os.waitstatus_to_exitcode(os.wait()[1]) == 7 else 'reached'\n"},
    {"call ptrace", "K",
     CALL "def f():\n"
     "    call(101, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call process_vm_readv", "K",
     CALL "def f():\n"
     "    call(310, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call mount", "K",
     CALL "def f():\n"
     "    call(165, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call unshare", "K",
     CALL "def f():\n"
     "    call(272, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call setns", "K",
     CALL "def f():\n"
     "    call(308, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call keyctl", "K",
     CALL "def f():\n"
     "    call(250, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call bpf", "K",
     CALL "def f():\n"
     "    call(321, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call perf_event_open", "K",
     CALL "def f():\n"
     "    call(298, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call userfaultfd", "K",
     CALL "def f():\n"
     "    call(323, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call io_uring_setup", "K",
     CALL "def f():\n"
     "    call(425, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call personality", "K",
     CALL "def f():\n"
     "    call(135, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call open_by_handle_at", "K",
     CALL "def f():\n"
     "    call(304, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call pidfd_getfd", "K",
     CALL "def f():\n"
     "    call(438, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"call kcmp", "K",
     CALL "def f():\n"
     "    call(312, 0x10000000, 0, 0, 0, 0, 0)\n"
     "    return 'reached'\n"},
    {"new namespaces by clone", "P",
     CALL TRY "def f():\n"
     "    return tried(lambda: call(56, 0x10000011, 0, 0, 0, 0), lambda: call(435, 0, 0), lambda: call(56, 0x40000011, 0, 0, 0, 0))\n"},
    {"shared memory and queues", "P",
     CALL TRY "def f():\n"
     "    return tried(lambda: call(29, 1, 4096, 0o1666), lambda: call(64, 1, 1, 0o1666), lambda: call(68, 1, 0o1666), lambda: call(240, b'/q', 0o102, 0o600, 0), lambda: call(319, b'm', 0))\n"},
    {"descriptors of a process", "P",
     CALL TRY "def f():\n"
     "    return tried(lambda: call(434, os.getppid() or 1, 0))\n"},
    {"a foreign architecture", "K",
     CALL "import mmap\n"
     "def f():\n"
     "    code = b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3'\n"
     "    m = mmap.mmap(-1, 4096, prot=7)\n"
     "    m.write(code)\n"
     "    at = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
     "    ctypes.CFUNCTYPE(ctypes.c_int)(at)()\n"
     "    return 'reached'\n"},
    {"a call of the x32 kind", "K",
     CALL "def f():\n"
     "    call(0x40000000 + 39)\n"
     "    return 'reached'\n"},
    {"a verdict printed", "W",
     "def f():\n"
     "    print('pass\\nPASS P OK 1 passed')\n"
     "    return 'P'\n"},
    {"ended with 0", "E",
     "import os\n"
     "def f():\n"
     "    os._exit(0)\n"},
    {"ended at load", "E",
     "import sys\n"
     "sys.exit(0)\n"},
    {"ended by exception", "E",
     "def f():\n"
     "    raise SystemExit(0)\n"},
    {"killed itself", "E",
     "import os\n"
     "def f():\n"
     "    os.kill(os.getpid(), 9)\n"
     "    import ctypes\n"
     "    ctypes.string_at(0)\n"},
    {"verdict on every descriptor", "E",
     "import os\n"
     "for n in range(0, 256):\n"
     "    try:\n"
     "        os.write(n, b'\\0\\0\\0\\1P')\n"
     "    except OSError:\n"
     "        pass\n"
     "def f():\n"
     "    return 'wrong'\n"},
    {"a frame of a verdict", "E",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\1P')\n"
     "    os._exit(0)\n"},
    {"an object that equals all", "E",
     "class A:\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    __hash__ = None\n"
     "def f():\n"
     "    return A()\n"},
    {"a int that equals all", "W",
     "class A(int):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    def __ne__(self, o):\n"
     "        return False\n"
     "    def __len__(self):\n"
     "        return 1\n"
     "    def __iter__(self):\n"
     "        return iter(())\n"
     "    def __str__(self):\n"
     "        return 'held'\n"
     "    __repr__ = __str__\n"
     "    __class__ = str\n"
     "    __hash__ = int.__hash__\n"
     "def f():\n"
     "    return A(1)\n"},
    {"a str that equals all", "W",
     "class A(str):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    def __ne__(self, o):\n"
     "        return False\n"
     "    def __len__(self):\n"
     "        return 1\n"
     "    def __iter__(self):\n"
     "        return iter(())\n"
     "    def __str__(self):\n"
     "        return 'held'\n"
     "    __repr__ = __str__\n"
     "    __class__ = str\n"
     "    __hash__ = str.__hash__\n"
     "def f():\n"
     "    return A('x')\n"},
    {"a list that equals all", "W",
     "class A(list):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    def __ne__(self, o):\n"
     "        return False\n"
     "    def __len__(self):\n"
     "        return 1\n"
     "    def __iter__(self):\n"
     "        return iter(())\n"
     "    def __str__(self):\n"
     "        return 'held'\n"
     "    __repr__ = __str__\n"
     "    __class__ = str\n"
     "    __hash__ = list.__hash__\n"
     "def f():\n"
     "    return A([1])\n"},
    {"a dict that equals all", "W",
     "class A(dict):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    def __ne__(self, o):\n"
     "        return False\n"
     "    def __len__(self):\n"
     "        return 1\n"
     "    def __iter__(self):\n"
     "        return iter(())\n"
     "    def __str__(self):\n"
     "        return 'held'\n"
     "    __repr__ = __str__\n"
     "    __class__ = str\n"
     "    __hash__ = dict.__hash__\n"
     "def f():\n"
     "    return A({})\n"},
    {"a tuple that equals all", "W",
     "class A(tuple):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    def __ne__(self, o):\n"
     "        return False\n"
     "    def __len__(self):\n"
     "        return 1\n"
     "    def __iter__(self):\n"
     "        return iter(())\n"
     "    def __str__(self):\n"
     "        return 'held'\n"
     "    __repr__ = __str__\n"
     "    __class__ = str\n"
     "    __hash__ = tuple.__hash__\n"
     "def f():\n"
     "    return A((1,))\n"},
    {"a float that equals all", "W",
     "class A(float):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    def __ne__(self, o):\n"
     "        return False\n"
     "    def __len__(self):\n"
     "        return 1\n"
     "    def __iter__(self):\n"
     "        return iter(())\n"
     "    def __str__(self):\n"
     "        return 'held'\n"
     "    __repr__ = __str__\n"
     "    __class__ = str\n"
     "    __hash__ = float.__hash__\n"
     "def f():\n"
     "    return A(1.0)\n"},
    {"a bytes that equals all", "W",
     "class A(bytes):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    def __ne__(self, o):\n"
     "        return False\n"
     "    def __len__(self):\n"
     "        return 1\n"
     "    def __iter__(self):\n"
     "        return iter(())\n"
     "    def __str__(self):\n"
     "        return 'held'\n"
     "    __repr__ = __str__\n"
     "    __class__ = str\n"
     "    __hash__ = bytes.__hash__\n"
     "def f():\n"
     "    return A(b'x')\n"},
    {"a set that equals all", "W",
     "class A(set):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "    def __ne__(self, o):\n"
     "        return False\n"
     "    def __len__(self):\n"
     "        return 1\n"
     "    def __iter__(self):\n"
     "        return iter(())\n"
     "    def __str__(self):\n"
     "        return 'held'\n"
     "    __repr__ = __str__\n"
     "    __class__ = str\n"
     "    __hash__ = set.__hash__\n"
     "def f():\n"
     "    return A({1})\n"},
    {"fractions that equal all", "EW",
     "import fractions, decimal\n"
     "class A(fractions.Fraction):\n"
     "    def __eq__(self, o):\n"
     "        return True\n"
     "def f():\n"
     "    return A(1, 2)\n"},
    {"builtins replaced", "WEOT",
     "import builtins\n"
     "builtins.AssertionError = ValueError\n"
     "builtins.isinstance = lambda *a: True\n"
     "builtins.issubclass = lambda *a: False\n"
     "builtins.len = lambda x: 0\n"
     "builtins.type = lambda x: str\n"
     "def f():\n"
     "    return 1\n"},
    {"the channel replaced", "EW",
     "import __main__ as m, sys\n"
     "m.pack = lambda x, out, depth=0: out.extend(b'P')\n"
     "m.send = lambda fd, kind, value: m.posix.write(4, b'\\0\\0\\0\\1P')\n"
     "m.main = m.load = None\n"
     "sys.modules['posix'] = None\n"
     "def f():\n"
     "    return 1\n"},
    {"answers in advance", "W",
     "import os\n"
     "for _ in range(8):\n"
     "    os.write(4, b'\\0\\0\\0\\x02RT')\n"
     "def f():\n"
     "    return 1\n"},
    {"a request taken", "PWET",
     "import os\n"
     "def f():\n"
     "    try:\n"
     "        os.set_blocking(3, False)\n"
     "        os.read(3, 1 << 16)\n"
     "    except OSError:\n"
     "        pass\n"
     "    os.set_blocking(3, True)\n"
     "    return 'wrong'\n"},
    {"the parent killed", "P",
     TRY "import signal\n"
     "def f():\n"
     "    p = os.getppid()\n"
     "    return tried(lambda: os.kill(p if p > 1 else 2, signal.SIGKILL), lambda: os.kill(p if p > 1 else 2, signal.SIGSTOP))\n"},
    {"hooks", "W",
     "import sys, atexit, threading\n"
     "sys.settrace(lambda *a: None)\n"
     "sys.setprofile(lambda *a: None)\n"
     "sys.excepthook = lambda *a: None\n"
     "atexit.register(lambda: print('P'))\n"
     "sys.stdout = sys.stderr = None\n"
     "def f():\n"
     "    return 'wrong'\n"},
    {"the tests looked for", "P",
     "import gc, sys\n"
     "def f():\n"
     "    seen = [o for o in gc.get_objects() if isinstance(o, str) and 'def ' + 'check' in o]\n"
     "    frame, names = sys._getframe(), []\n"
     "    while frame:\n"
     "        names += list(frame.f_globals) + list(frame.f_locals)\n"
     "        frame = frame.f_back\n"
     "    return 'reached' if seen or 'check' in names or 'verdict' in names else 'held'\n"},
    {"modules shadowed", "W",
     "for n in ('random', 'fractions', 'builtins', 'os'):\n"
     "    with open(n + '.py', 'w') as o:\n"
     "        o.write('raise SystemExit(0)')\n"
     "def f():\n"
     "    return 'wrong'\n"},
    {"an assertion of its own", "E",
     "def f():\n"
     "    raise AssertionError('held')\n"},
    {"an exception that lies", "E",
     "class KeyboardInterrupt(BaseException):\n"
     "    def __str__(self):\n"
     "        raise self\n"
     "def f():\n"
     "    raise KeyboardInterrupt\n"},
    {"an exception with a large text", "E",
     "def f():\n"
     "    raise ValueError('x' * (1 << 24))\n"},
    {"the end of the generator", "E",
     "def f():\n"
     "    raise StopIteration('held')\n"},
    {"not a number", "W",
     "def f():\n"
     "    return float('nan')\n"},
    {"channels closed", "E",
     "import os\n"
     "def f():\n"
     "    os.closerange(0, 64)\n"
     "    return 'held'\n"},
    {"channels kept open by a child", "TE",
     "import os, time\n"
     "def f():\n"
     "    if os.fork() == 0:\n"
     "        time.sleep(100)\n"
     "    os._exit(0)\n"},
    {"two that answer", "PWE",
     "import os\n"
     "def f():\n"
     "    os.fork()\n"
     "    return 'wrong'\n"},
    {"malformed answer 0", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\xff\\xff\\xff\\xff')\n"
     "    os._exit(0)\n"},
    {"malformed answer 1", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\0')\n"
     "    os._exit(0)\n"},
    {"malformed answer 2", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\1R')\n"
     "    os._exit(0)\n"},
    {"malformed answer 3", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\2RS')\n"
     "    os._exit(0)\n"},
    {"malformed answer 4", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\6RS\\0\\0\\0\\x09')\n"
     "    os._exit(0)\n"},
    {"malformed answer 5", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\6RL\\xff\\xff\\xff\\xff')\n"
     "    os._exit(0)\n"},
    {"malformed answer 6", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\5RQNN')\n"
     "    os._exit(0)\n"},
    {"malformed answer 7", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\x0fRQI\\0\\0\\0\\1\\1I\\0\\0\\0\\1\\0')\n"
     "    os._exit(0)\n"},
    {"malformed answer 8", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\x08RP\\0\\0\\0\\2zz')\n"
     "    os._exit(0)\n"},
    {"malformed answer 9", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\x07RD\\0\\0\\0\\1z')\n"
     "    os._exit(0)\n"},
    {"malformed answer 10", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\x07RE\\0\\0\\0\\1L\\0\\0\\0\\0')\n"
     "    os._exit(0)\n"},
    {"malformed answer 11", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\3RNN')\n"
     "    os._exit(0)\n"},
    {"malformed answer 12", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\2RX')\n"
     "    os._exit(0)\n"},
    {"malformed answer 13", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\2XN')\n"
     "    os._exit(0)\n"},
    {"malformed answer 14", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\2ZN')\n"
     "    os._exit(0)\n"},
    {"malformed answer 15", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\7RS\\0\\0\\0\\1\\xff')\n"
     "    os._exit(0)\n"},
    {"malformed answer 16", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\0\\x06RM\\0\\0\\0\\1')\n"
     "    os._exit(0)\n"},
    {"malformed answer 17", "EO",
     "import os\n"
     "def f():\n"
     "    os.write(4, b'\\0\\0\\x01\\x01RL\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1L\\0\\0\\0\\1NNNNNN')\n"
     "    os._exit(0)\n"},
};
/* clang-format on */

#endif
