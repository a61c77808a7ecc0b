"""The full MNIST is read from the cache within a second."""

import time

from kgan import load_digits


def test_sixty_thousand_digits_come_from_the_cache_and_a_damaged_one_is_made_anew(full_mnist, cache, caplog):
    images, _ = load_digits(data_dir=full_mnist)
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        load_digits(data_dir=full_mnist)
        seconds.append(time.monotonic() - start)
    assert min(seconds) < 1  # 0.2 on a quiet machine
    (entry,) = cache.glob("mnist-train-images*")
    whole = entry.read_bytes()
    for damage in (whole[:1000], whole[:-1] + bytes([whole[-1] ^ 1])):
        entry.write_bytes(damage)
        assert load_digits(data_dir=full_mnist)[0].tobytes() == images.tobytes()
        assert entry.read_bytes() == whole
    assert [f"{entry} is damaged and is made anew" in r.message for r in caplog.records] == [True, True]
