"""Damage real shards in a thousand ways, and print what became of them.

python -m tests.data.fuzz --shards 1000 --seed 0 > docs/benchmarks/fuzz.txt
"""

import argparse
from collections import Counter
from collections.abc import Iterable

from tests.data.fuzz.campaign import EQUAL, OTHER, REFUSED, Campaign, Finding
from tests.data.fuzz.sandbox import MAX_BYTES

COLUMNS = (REFUSED, EQUAL, OTHER)
HEADING = (
    f"{'mutation':28}{'index':10}" + "".join(f"{each:>19}" for each in (*COLUMNS, "failed")) + f"{'MiB':>7}{'s':>6}"
)


def main() -> int:
    """Run the campaign; the exit code is 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.data.fuzz", description=__doc__)
    parser.add_argument("--shards", type=int, default=1000, help="how many mutated sets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="the name of one mutation")
    chosen = parser.parse_args()
    campaign = Campaign(chosen.seed)
    numbers = [each for each in range(chosen.shards) if chosen.only in (None, campaign.name(each))]
    findings = [finding for number in numbers for finding in campaign.findings(number)]
    print("\n".join(table(findings)))
    failed = [each for each in findings if each.failed]
    for (mutation, way, outcome), times in Counter((each.mutation, each.way, each.outcome) for each in failed).items():
        print(f"FAILED {times} x {mutation}, {way}: {outcome}")
    print(f"{len(numbers)} mutated sets, each read by its own index and by two new ones: {len(failed)} failures.")
    return bool(failed)


def table(findings: Iterable[Finding]) -> Iterable[str]:
    """Return lines: each mutation's outcomes, the most memory in MiB and processor seconds that any took."""
    groups: dict[str, dict[tuple[str, str], list[Finding]]] = {}
    for each in findings:
        groups.setdefault(each.group, {}).setdefault((each.mutation, each.way), []).append(each)
    for group, by_mutation in groups.items():
        yield f"\n{group}\n{HEADING}"
        for (mutation, way), found in by_mutation.items():
            counts = Counter(each.outcome if not each.failed else "failed" for each in found)
            cells = "".join(f"{counts[each] or '.':>19}" for each in (*COLUMNS, "failed"))
            memory = max(each.report.peak_bytes for each in found) // 2**20
            yield f"{mutation:28}{way:10}{cells}{memory:>7}{max(each.report.cpu_s for each in found):>6.1f}"
    yield "\nrefused: the set or at least one sample, by a typed error; all others were as they were, or, where the"
    yield "index vouches for the damage or is new, whole ones. MiB and s: the most that any took."
    yield f"Over {MAX_BYTES // 2**20} MiB, a hang, a crash, code that ran or a file outside of the set is a failure."


if __name__ == "__main__":
    raise SystemExit(main())
