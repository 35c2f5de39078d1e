"""Fetches ONNX Runtime's library from PyPI, by version and digest, and puts it with its licences into a folder.

    python3 deploy/onnxruntime/fetch.py FOLDER

Does nothing where the folder has that version. pip finds the index, a proxy and a mirror as it always does (PIP_INDEX_URL and the like). Everything is there, or nothing.
"""

import importlib.util
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
# The wheels are the same but for Python's version; the library in them does not need Python at all.
WHEEL = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"]
LONGEST_SECONDS = 120
LICENCES = {"LICENSE", "ThirdPartyNotices.txt"}


def pip(work):
    """The pip of this Python, or that of an environment of our own."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    venv.create(work / "venv", with_pip=True)
    return [work / "venv/bin/python", "-m", "pip"]


def download(work):
    """The wheel for this machine."""
    systems = [f"manylinux_2_{release}_{platform.machine()}" for release in (17, 27, 28)]
    platforms = [argument for system in systems for argument in ("--platform", system)]
    command = [*pip(work), "download", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    command += ["--retries", "1", "--timeout", "15", "--require-hashes", "--requirement", HERE / "requirements.txt"]
    subprocess.run([*command, *WHEEL, *platforms, "--dest", work], check=True, timeout=LONGEST_SECONDS)
    return next(work.glob("onnxruntime-*.whl"))


def main(folder):
    if platform.system() != "Linux":
        sys.exit(f"PyPI's library is fetched for Linux alone, and this is {platform.system()}")
    version = re.search(r"^onnxruntime==(\S+)", (HERE / "requirements.txt").read_text(), re.MULTILINE).group(1)
    if (folder / f"libonnxruntime.so.{version}").exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        work = pathlib.Path(work)
        wheel = zipfile.ZipFile(download(work))
        made = work / "made"
        made.mkdir()
        for name in wheel.namelist():
            path = pathlib.PurePosixPath(name)
            is_library = path.parent.name == "capi" and path.name.startswith("libonnxruntime.so")
            is_licence = str(path.parent) == "onnxruntime" and path.name in LICENCES
            if is_library or is_licence:
                (made / path.name).write_bytes(wheel.read(name))
                (made / path.name).chmod(0o755 if is_library else 0o644)
        shutil.rmtree(folder, ignore_errors=True)
        made.chmod(0o755)
        made.rename(folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(pathlib.Path(sys.argv[1]).resolve())
    except subprocess.CalledProcessError as problem:
        sys.exit(f"pip failed with {problem.returncode}")
    except subprocess.TimeoutExpired:
        sys.exit(f"ERROR: PyPI has not sent it in {LONGEST_SECONDS} seconds")
