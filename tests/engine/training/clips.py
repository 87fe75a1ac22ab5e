"""Clips in which a textured square moves over a textured ground, 2 pixels to the right and 1 down a frame."""

import cv2
import numpy as np

WIDTH, HEIGHT, SIDE = 160, 128, 48
STEP = np.array([2.0, 1.0])  # pixels a frame, x and y
START = 30, 20


def texture(width, height, seed):
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3))
    tiled = cv2.GaussianBlur(np.tile(noise, (3, 3, 1)), (0, 0), 1.5)  # so that the ground can roll
    smooth = tiled[height : 2 * height, width : 2 * width]
    return np.clip((smooth - 127) * 4 + 127, 0, 255).astype(np.uint8)


def frames(count, *, pan=0):
    """(h, w, 3) uint8 BGR; `pan` is how far the ground moves a frame."""
    ground, thing = texture(WIDTH, HEIGHT, 1), texture(SIDE, SIDE, 2)
    for number in range(count):
        picture = np.roll(ground, pan * number, axis=1)
        x, y = corner(number)
        picture[y : y + SIDE, x : x + SIDE] = thing
        yield picture


def corner(number):
    """(x, y) of the square in a frame."""
    return (np.array(START) + number * STEP).astype(int)


def front(number):
    """(h, w) uint8, 255 where the square is."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    x, y = corner(number)
    mask[y : y + SIDE, x : x + SIDE] = 255
    return mask


def write_pictures(folder, count, **how):
    folder.mkdir(parents=True)
    for number, picture in enumerate(frames(count, **how)):
        cv2.imwrite(str(folder / f"{number:03}.png"), picture)
    return folder


def write_video(path, count, code="MJPG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), 10, (WIDTH, HEIGHT))
    for picture in frames(count):
        writer.write(picture)
    writer.release()
    return path
