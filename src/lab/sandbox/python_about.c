/* What the interpreter says about itself: where it stands and what it reads. */
#include "lab/sandbox/sandbox_internal.h"

/* clang-format off */
const char *const as_python_about[] = {
    "import os, sys\n",
    "exe = os.path.realpath(sys.executable)\n",
    "import zlib, _decimal, _socket, _random, math\n",
    "folders = {os.path.dirname(os.path.realpath(os.__file__))}\n",
    "for line in open('/proc/self/maps'):\n",
    "    name = line.split(None, 5)[5].strip() if line.count('/') else ''\n",
    "    if '.so' in name:\n",
    "        folders.add(os.path.dirname(name))\n",
    "with open(exe, 'rb') as f:\n",
    "    head = f.read(4096)\n",
    "word = lambda at, n: int.from_bytes(head[at:at + n], sys.byteorder)\n",
    "loader = ''\n",
    "if head[:5] == b'\\x7fELF\\x02':\n",
    "    for i in range(word(56, 2)):\n",
    "        at = word(32, 8) + i * word(54, 2)\n",
    "        if word(at, 4) == 3:\n",
    "            start = word(at + 8, 8)\n",
    "            loader = head[start:start + word(at + 32, 8)].rstrip(b'\\0').decode()\n",
    "print('version', '%d.%d.%d' % sys.version_info[:3])\n",
    "print('exec', exe)\n",
    "if loader:\n",
    "    print('loader', loader)\n",
    "    print('loader_real', os.path.realpath(loader))\n",
    "for folder in sorted(folders):\n",
    "    if not any(folder.startswith(f + '/') for f in folders):\n",
    "        print('folder', folder)\n",
    NULL,
};
/* clang-format on */
