from pathlib import Path

from mypy import api


def test_applications_see_the_types_of_what_they_decorate() -> None:
    program = Path(__file__).with_name("typed_api.py")

    report, problems, status = api.run(["--strict", str(program)])

    assert problems == ""
    assert status == 0, report
