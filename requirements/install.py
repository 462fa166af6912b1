"""Makes `.venv` ready, once. Called by `make`; needs nothing but a Python, and is legible to old ones, to tell them so.

What is ready is stamped with the hash of everything it rests on; a run that finds the stamp does nothing and needs no
network. The stamp is taken off before anything is changed and set last: after an interruption there is none, and the
next run begins with a fresh folder.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).absolute().parent.parent
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"
STAMP = FOLDER / "ready"
RESTS_ON = ("requirements/dev.txt", "requirements/install.py", "pyproject.toml")


def stop(what, remedy, remedy_zh):
    sys.exit(f"\nmake: {what}\n  {remedy}\n  {remedy_zh}")


def check_python():
    if sys.version_info < OLDEST:
        stop(
            f"this Python is {sys.version_info[0]}.{sys.version_info[1]}; Huizhen needs 3.11 or newer.",
            "Install a newer one, or name it: make PYTHON=python3.12 demo",
            "请安装 Python 3.11 或更新版本，或指定解释器：make PYTHON=python3.12 demo",
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop(
            "this Python cannot make virtual environments: its module 'venv' is missing.",
            "On Debian or Ubuntu: sudo apt install python3-venv",
            "Debian 或 Ubuntu 请运行：sudo apt install python3-venv",
        )


def fingerprint():
    """Of what the folder rests on: the pinned requirements, the package's own description, this Python, this place."""
    seen = hashlib.sha256(repr((str(ROOT), sys.version_info[:2])).encode())
    for name in RESTS_ON:
        seen.update((ROOT / name).read_bytes())
    return seen.hexdigest()


def run(*command):
    return subprocess.call([str(part) for part in command]) == 0  # noqa: S603


def usable():
    """Whether there is a virtual environment that was finished once and runs this version of Python."""
    same = f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    return STAMP.exists() and PYTHON.exists() and run(PYTHON, "-c", same)


def install():
    sys.stderr.write("Setting up .venv (once; a minute or two) ...\n")
    if not usable() and not run(sys.executable, "-m", "venv", "--clear", FOLDER):
        stop(
            "the virtual environment .venv could not be made.",
            "The lines above say why. On Debian or Ubuntu: sudo apt install python3-venv",
            "原因见上文。Debian 或 Ubuntu 请运行：sudo apt install python3-venv",
        )
    STAMP.unlink(missing_ok=True)
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    packages = run(*pip, "--require-hashes", "--requirement", ROOT / "requirements" / "dev.txt")
    if not packages or not run(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT):
        stop(
            "the packages could not be installed.",
            "The lines above say why. Without a network or behind a proxy, set https_proxy or pip's own settings, and "
            "run make again: what has been fetched is kept.",
            "原因见上文。若无网络或处于代理之后，请设置 https_proxy 或 pip 配置后再次运行 make：已下载的内容会保留。",
        )
    STAMP.write_text(fingerprint(), encoding="ascii")


def ready():
    return STAMP.exists() and STAMP.read_text(encoding="ascii") == fingerprint()


def main():
    check_python()
    if ready():
        return
    import fcntl

    lock = os.open(str(ROOT / "requirements"), os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not ready():
        install()
        sys.stderr.write("Ready.\n")


if __name__ == "__main__":
    main()
