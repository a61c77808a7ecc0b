import dataclasses

import pytest

from kgan.gan.update_policies import EveryK, FixedProbability, LossBalanced, UpdatePolicy
from kgan.spec import Spec


@pytest.mark.parametrize("spec", [EveryK(3), FixedProbability(0.25), LossBalanced(temperature=0.5)])
def test_a_spec_is_read_back_from_its_repr_and_from_its_config(spec):
    assert UpdatePolicy.parse(repr(spec)) == spec
    assert type(spec).from_config(spec.get_config()) == spec


def test_a_name_alone_takes_the_defaults_and_positions_count():
    assert UpdatePolicy.parse("LossBalanced") == LossBalanced()
    assert UpdatePolicy.parse(" EveryK(5) ") == EveryK(k=5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Sometimes", "'Sometimes' is not one of LossBalanced, Always"),
        ("_Periodic", "'_Periodic' is not one of"),
        ("EveryK(j=2)", r"does not fit EveryK\(k=2\)"),
        ("EveryK(k=", r"is not of the form Name or Name\(argument=number\), such as LossBalanced\(\)"),
        ("EveryK(k=print(1))", "is not of the form"),
        ("__import__('os').getcwd()", "is not of the form"),
        ("EveryK(k=-1)", r"'EveryK\(k=-1\)': `k` must be a positive integer, got -1"),
        ("EveryK(k=True)", "`k` must be a positive integer, got True"),
        ("FixedProbability('x')", r"`p` must be a number in \[0, 1\], got 'x'"),
        ("LossBalanced(1e999)", "`temperature` must be a positive number, got inf"),
        ("LossBalanced(temperature=0)", "`temperature` must be a positive number, got 0"),
        ("FixedProbability(1.5)", r"`p` must be a number in \[0, 1\], got 1.5"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_rule(text, message):
    with pytest.raises(ValueError, match=message):
        UpdatePolicy.parse(text)


def test_a_new_subclass_is_a_choice_without_being_told():
    @dataclasses.dataclass(frozen=True)
    class Mine(EveryK):
        pass

    assert UpdatePolicy.choices()["Mine"] is Mine
    assert "Mine" in Spec.choices()
