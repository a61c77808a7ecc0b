"""Which epoch a data set is in."""

from kgan.batches import NumberedEpochs


class Numbers(NumberedEpochs):
    def __len__(self):
        return 3

    def batch(self, index):
        return self.epoch, index


def test_an_epoch_that_was_abandoned_begins_again_and_one_that_ended_does_not():
    data = Numbers(first_epoch=4)
    assert data[2] == (4, 2)  # looked at before any epoch
    data.on_epoch_begin()
    assert data[0] == (4, 0)
    data.on_epoch_begin()
    assert [data[i] for i in range(3)] == [(4, 0), (4, 1), (4, 2)]
    data.on_epoch_begin()
    assert data[0] == (5, 0)
