"""`make FOLDER`: writes a picture like a photograph, in colour and in grey, as JPEG and PNG. `time FOLDER RUNS SIDE...`: prints
milliseconds of Pillow's fastest run for each file and side, as JSON."""

import io
import json
import pathlib
import sys
import time

from PIL import Image, ImageFilter

SIDE = 1024


def make(folder):
    # Noise in several sizes, the coarse stronger than the fine, as in photographs.
    colour = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))
    for cells, part in [(1024, 0.5), (128, 0.5), (16, 0.6)]:
        planes = [Image.effect_noise((cells, cells), 90).resize((SIDE, SIDE), Image.BICUBIC) for _ in "RGB"]
        colour = Image.blend(colour, Image.merge("RGB", planes), part)
    colour = colour.filter(ImageFilter.GaussianBlur(1))
    for name, picture in [("colour", colour), ("grey", colour.convert("L"))]:
        picture.save(folder / f"{name}.jpg", quality=90)
        picture.save(folder / f"{name}.png")


def once(file, side):
    started = time.perf_counter()
    Image.open(io.BytesIO(file)).convert("RGB").resize((side, side), Image.BILINEAR).tobytes()
    return 1e3 * (time.perf_counter() - started)


def measure(folder, runs, *sides):
    files = sorted(file for file in folder.iterdir() if file.suffix in (".jpg", ".png"))
    found = {
        f"{file.name} {side}": min(once(file.read_bytes(), int(side)) for _ in range(int(runs)))
        for file in files
        for side in sides
    }
    print(json.dumps(found))


{"make": make, "time": measure}[sys.argv[1]](pathlib.Path(sys.argv[2]), *sys.argv[3:])
