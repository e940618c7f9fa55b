"""Remove the work folders of jobs that are gone, with their restart bundles; never a live job's."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.paths import RESULTS
from meanforce.restart.lock import owner_of
from meanforce.restart.overview import clean, work_folders


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(RESULTS))
    parser.add_argument("--list", action="store_true", help="only list what would be removed")
    arguments = parser.parse_args()
    done, removed = "would remove" if arguments.list else "removed", 0
    for folder in work_folders(arguments.folder):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        if arguments.list:
            kept = "a process works here" if owner_of(folder) else None
        else:
            kept = clean(folder)
        removed += kept is None
        print(f"kept {folder}: {kept}" if kept else f"{done}: {folder} ({size:.1f} MB)")
    print(f"{done}: {removed} folders")


if __name__ == "__main__":
    main()
