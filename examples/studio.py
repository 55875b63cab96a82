"""Compare two categories of operations after a change of code, with a tuner of one's own."""

import sys
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from playback_core import InMemoryTapeCassette, Output, Recording, TapeRecorder
from playback_core.studio import (
    ComparatorResult,
    EqualityStatus,
    EqualizerTuner,
    EqualizerTuning,
    PlaybackStudio,
)

recorder = TapeRecorder(InMemoryTapeCassette())
hours_by_person = {"ada": Decimal("7.5"), "bela": Decimal("0"), "chen": Decimal("3.25")}
sent_texts: list[str] = []


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def cents_cut_off(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_DOWN)


@recorder.intercept_input(alias="hours_of")
def hours_of(person: str) -> Decimal:
    return hours_by_person[person]


@recorder.intercept_output(alias="send_text")
def send_text(text: str) -> None:
    sent_texts.append(text)


class Invoice:
    """Bills the hours of one person; its outcome is the amount."""

    round_amount: Callable[[Decimal], Decimal] = staticmethod(cents)

    @recorder.operation(metadata_extractor=lambda invoice, person: {"person": person})
    def run(self, person: str) -> Decimal:
        return self.round_amount(hours_of(person) * Decimal("33.35"))


class Reminder:
    """Reminds people without hours; its outcome is the text sent, if any."""

    @recorder.operation(metadata_extractor=lambda reminder, person: {"person": person})
    def run(self, person: str) -> None:
        if not hours_of(person):
            send_text(f"Dear {person}, please enter your hours.")


class OfficeTuner(EqualizerTuner):
    """Says for each category how to run it again and what of it to compare."""

    def create_category_tuning(self, category: str) -> EqualizerTuning:
        extractors = {"Invoice": invoiced_amount, "Reminder": texts_sent}
        return EqualizerTuning(
            playback_function=run_again,
            result_extractor=extractors[category],
            comparator=same,
            comparison_data_extractor=lambda recording: {
                "person": recording.get_metadata()["person"]
            },
        )


def run_again(recording: Recording) -> Any:
    metadata = recording.get_metadata()
    return metadata[TapeRecorder.OPERATION_CLASS]().run(metadata["person"])


def invoiced_amount(outputs: Sequence[Output]) -> Any:
    return next(
        output.value["args"][0]
        for output in outputs
        if TapeRecorder.OPERATION_OUTPUT_ALIAS in output.key
    )


def texts_sent(outputs: Sequence[Output]) -> list[Any]:
    return [output.value["args"][0] for output in outputs if "send_text" in output.key]


def same(recorded: Any, replayed: Any, person: str) -> ComparatorResult:
    """Compare two outcomes; `person` comes from the comparison data extractor."""
    if recorded == replayed:
        return ComparatorResult(EqualityStatus.Equal, person)
    return ComparatorResult(EqualityStatus.Different, f"{person}: was {recorded}, now {replayed}")


def record() -> None:
    with recorder.enabled_recording():
        for person in hours_by_person:
            Invoice().run(person)
            Reminder().run(person)


def compare() -> dict[str, list[EqualityStatus]]:
    """Replay both categories on the current code, one printed line for each recording."""
    studio = PlaybackStudio(["Invoice", "Reminder"], OfficeTuner(), recorder)
    statuses: dict[str, list[EqualityStatus]] = {}
    for category, comparisons in studio.play().items():
        print(category)
        for comparison in comparisons:
            print(f"  {comparison.recording_id}  {comparison.comparator_status}")
            statuses.setdefault(category, []).append(comparison.comparator_status.equality_status)
    return statuses


def main() -> int:
    """Return 0 when the studio finds exactly the invoice that the change of code affects."""
    record()
    print("The code as recorded:")
    before = compare()

    print("\nAfter a change that cuts cents off instead of rounding them:")
    Invoice.round_amount = staticmethod(cents_cut_off)
    after = compare()

    equal, different = EqualityStatus.Equal, EqualityStatus.Different
    unaffected = {"Invoice": [equal] * 3, "Reminder": [equal] * 3}
    # 7.5 h and 3.25 h make 250.125 and 108.3875: both lose a cent; no hours lose nothing.
    affected = {"Invoice": [different, equal, different], "Reminder": [equal] * 3}
    return 0 if (before, after) == (unaffected, affected) else 1


if __name__ == "__main__":
    sys.exit(main())
