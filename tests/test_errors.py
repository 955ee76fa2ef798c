import pytest

from bench.errors import BenchError, DataError, UsageError, one_line, unknown


def test_unknown_name_is_told_with_the_nearest_and_all_there_are():
    said = str(unknown("method", "rull", ["rul", "dul"]))
    assert said == "no method 'rull'. Did you mean 'rul'? Available: dul, rul"


def test_unknown_name_without_a_near_one_makes_no_guess():
    assert str(unknown("preset", "zzz", ["quick"])) == "no preset 'zzz'. Available: quick"


def test_an_error_of_several_lines_becomes_one_with_its_type():
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"
    assert one_line(DataError("a file")) == "a file"


@pytest.mark.parametrize("kind", [BenchError, DataError, UsageError])
@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "\u202e", "\x00", "\u2028", "\udcff"])
def test_the_message_of_an_error_is_one_printable_line_whatever_it_names(kind, name):
    assert str(kind(f"no folder {name}")).isprintable()
    assert one_line(kind(f"no folder {name}")).isprintable()
    assert one_line(OSError(name)).isprintable()
